"""Models and scores by name: what is loaded, what is believed of an answer, and the page that explains it."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.evaluate.sources import maps_of
from gmmbench.outside import OutsidePredictor, load_object, outside_predictor, outside_score
from gmmbench.prediction import Committee, Head, Prediction
from gmmbench.scores import SCORES, options_of

if TYPE_CHECKING:
    from gmmbench.models.contract import Model

PAGE = Path(__file__).parents[1] / "docs" / "other_models.md"
HEIGHT, WIDTH, CLASSES = 9, 14, 4


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def blocks() -> dict[str, str]:
    """The page's Python blocks by the file name in their first line."""
    found = re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(found)


def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def logits(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def answering(answer: Any, **attributes: Any) -> OutsidePredictor:
    def predict(image: NDArray[np.uint8]) -> Any:
        return answer

    for name, value in attributes.items():
        setattr(predict, name, value)
    return OutsidePredictor(predict, "mine:make", None)


def test_loads_a_name(here: Path) -> None:
    (here / "mine_a.py").write_text("class Box:\n    @staticmethod\n    def make(): return 3\n")
    assert load_object("mine_a:Box.make")() == 3
    assert load_object("collections:OrderedDict") is __import__("collections").OrderedDict


def test_the_current_directory_comes_first_and_once(here: Path) -> None:
    (here / "mine_b.py").write_text("import mine_c\nmake = mine_c.make\n")
    (here / "mine_c.py").write_text("def make(): return 'local'\n")
    assert load_object("mine_b:make")() == "local"
    load_object("mine_b:make")
    assert sys.path.count(str(here)) == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mine", "'mine' names no Python object; wanted package.module:name"),
        ("mine:", "names no Python object"),
        (":make", "names no Python object"),
        (".mine:make", "names no Python object"),
        ("./mine.py:make", "names no Python object"),
        ("nowhere_at_all:make", "no module 'nowhere_at_all' for 'nowhere_at_all:make'; wanted one that is installed"),
        ("nowhere_at_all.deep:make", "no module 'nowhere_at_all'"),
        ("mine_d.deep:make", "no module 'mine_d.deep'"),
        ("mine_d:maek", "unknown name in mine_d: 'maek'; did you mean 'make'"),
        ("mine_d:number", "'mine_d:number' is a int; wanted a function or a class"),
        ("mine_e:make", "needs the package 'no_such_package', which is not installed"),
        ("mine_f:make", "cannot be imported .*SyntaxError.*; mend mine_f"),
        ("mine_g:make", "cannot be imported .*ImportError.*no_such_name"),
    ],
)
def test_what_cannot_be_loaded(spec: str, message: str, here: Path) -> None:
    (here / "mine_d.py").write_text("def make(): pass\nnumber = 3\n")
    (here / "mine_e.py").write_text("import no_such_package.part\n")
    (here / "mine_f.py").write_text("def make(:\n")
    (here / "mine_g.py").write_text("from json import no_such_name\n")
    with pytest.raises(InputError, match=message):
        load_object(spec)


def test_what_a_module_raises_by_itself_comes_through(here: Path) -> None:
    (here / "mine_h.py").write_text("raise RuntimeError('no licence')\n")
    with pytest.raises(RuntimeError, match="no licence"):
        load_object("mine_h:make")


def test_a_factory_gets_its_arguments_as_texts(here: Path) -> None:
    source = "def make(scale, shift='0'):\n    return lambda image: image.transpose(2, 0, 1) * float(scale)\n"
    (here / "mine_i.py").write_text(source)
    model = outside_predictor("mine_i:make", {"scale": "2"})
    np.testing.assert_array_equal(model(picture()).logits.numpy(), picture().transpose(2, 0, 1) * 2.0)
    assert model.code_sha256 == model.config_sha256 == hashlib.sha256(source.encode()).hexdigest()
    with pytest.raises(InputError, match=r"unexpected keyword argument 'scael'\); it takes \(scale, shift='0'\)"):
        outside_predictor("mine_i:make", {"scale": "2", "scael": "2"})
    with pytest.raises(InputError, match="missing a required argument: 'scale'"):
        outside_predictor("mine_i:make")


def test_a_factory_must_give_a_function(here: Path) -> None:
    (here / "mine_j.py").write_text("def make(): return 3\n")
    with pytest.raises(InputError, match="mine_j:make gave a int; wanted a function of an image"):
        outside_predictor("mine_j:make")


def as_numpy(maps: torch.Tensor) -> Any:
    return maps.numpy()


def as_half(maps: torch.Tensor) -> Any:
    return maps.half()


def as_double(maps: torch.Tensor) -> Any:
    return maps.double().numpy()


def as_big_endian(maps: torch.Tensor) -> Any:
    return maps.numpy().astype(">f4")


def as_long_double(maps: torch.Tensor) -> Any:
    return maps.numpy().astype(np.longdouble)


def in_the_graph(maps: torch.Tensor) -> Any:
    return maps.clone().requires_grad_() * 1


@pytest.mark.parametrize(
    "form", [torch.clone, as_numpy, as_half, as_double, as_big_endian, as_long_double, in_the_graph]
)
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (3, 4), (20, 30)])
def test_logits_in_any_form(form: Callable[[torch.Tensor], Any], size: tuple[int, int]) -> None:
    maps = logits(CLASSES, *size)
    prediction = answering(form(maps))(picture())
    expected = F.interpolate(maps[None], size=(HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(prediction.logits, expected, rtol=0, atol=2e-3 if form is as_half else 1e-6)
    assert prediction.logits.dtype == torch.float32
    assert not prediction.logits.requires_grad
    assert prediction.features is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("text", "got a str; wanted a Prediction, or"),
        ([1.0, 2.0], "got a list"),
        (np.zeros((CLASSES, HEIGHT, WIDTH), dtype=np.int64), "values of type torch.int64; wanted a floating type"),
        (np.array([["a"]]), "got a ndarray; wanted a torch tensor or a numpy array of numbers"),
        (torch.zeros(HEIGHT, WIDTH), r"shape \(9, 14\); wanted \(C, H, W\) logits$"),
        (
            torch.zeros(1, CLASSES, 3, 4),
            r"shape \(1, 4, 3, 4\); wanted .* logits; of a batch of one give \[0\]",
        ),
        (torch.zeros(0, 3, 4), r"shape \(0, 3, 4\)"),
        (torch.full((CLASSES, 3, 4), torch.nan), "logits has values that are not finite"),
    ],
)
def test_answers_that_are_no_logits(answer: Any, message: str) -> None:
    with pytest.raises(InputError, match=r"mine:make, image of 14x9 \(width x height\): .*" + message):
        answering(answer)(picture())


def whole() -> dict[str, Any]:
    """Every field of a prediction, as it should be."""
    maps, one = (CLASSES, HEIGHT, WIDTH), (HEIGHT, WIDTH)
    return {
        "logits": logits(*maps), "density": logits(*maps), "features": logits(6, 3, 4), "void": logits(*one),
        "head": Head(logits(CLASSES, 6), logits(CLASSES)), "perturbed": logits(*maps),
        "dropout": Committee(logits(*maps), logits(*one)), "ensemble": Committee(logits(*maps), logits(*one)),
    }  # fmt: skip


def test_a_whole_prediction_comes_through_as_it_is() -> None:
    prediction = Prediction(**whole())
    model = answering(prediction, gives=set(whole()))
    assert model(picture()) is prediction
    assert model.gives == set(whole())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logits", logits(CLASSES, 3, 4), r"logits of shape \(4, 3, 4\); wanted \(4, 9, 14\)"),
        ("logits", np.zeros((CLASSES, HEIGHT, WIDTH)), "logits is of type ndarray; wanted a float32 torch tensor"),
        ("logits", torch.zeros(()), r"logits of shape \(\)"),
        ("logits", logits(CLASSES, HEIGHT, WIDTH).double(), "logits is of type torch.float64"),
        ("density", logits(CLASSES + 1, HEIGHT, WIDTH), r"density of shape \(5, 9, 14\); wanted \(4, 9, 14\)"),
        ("density", torch.full((CLASSES, HEIGHT, WIDTH), -torch.inf), "density has values that are not finite"),
        ("features", logits(6, 12), r"features of shape \(6, 12\); wanted \(D, h, w\)"),
        ("void", logits(1, HEIGHT, WIDTH), r"void of shape \(1, 9, 14\); wanted \(9, 14\)"),
        ("head", Head(logits(CLASSES, 7), logits(CLASSES)), r"head.weight of shape \(4, 7\); wanted \(4, 6\)"),
        ("head", Head(logits(CLASSES, 6), logits(3)), r"head.bias of shape \(3,\); wanted \(4,\)"),
        ("perturbed", logits(CLASSES, 3, 4), "perturbed of shape"),
        ("dropout", Committee(logits(CLASSES, 3, 4), logits(HEIGHT, WIDTH)), "dropout.posterior of shape"),
        ("ensemble", Committee(logits(CLASSES, HEIGHT, WIDTH), logits(HEIGHT)), "ensemble.entropy of shape"),
        ("features", logits(6, 3, 4).to("meta"), "features on meta, logits on cpu; wanted one"),
        ("features", logits(6, 3, 4).numpy(), "features is of type ndarray; wanted a float32 torch tensor"),
        ("head", (1, 2), r"head is a tuple; wanted a gmmbench\.prediction\.Head"),
        ("head", Head(np.zeros((CLASSES, 6)), logits(CLASSES)), "head.weight is a ndarray; wanted a torch tensor"),  # type: ignore[arg-type]
        ("dropout", logits(CLASSES, HEIGHT, WIDTH), r"dropout is a Tensor; wanted a gmmbench\.prediction\.Committee"),
    ],
)
def test_a_field_that_is_wrong_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match="image of 14x9 .*" + message):
        answering(Prediction(**whole() | {name: value}))(picture())


def test_what_hangs_in_a_graph_is_taken_out_of_it() -> None:
    fields = whole()
    for part in (fields["logits"], fields["features"], fields["dropout"].entropy):
        part.requires_grad_()
    prediction = answering(
        Prediction(**fields | {"head": None}), head=Head(*map(parameter, vars(fields["head"]).values()))
    )(picture())
    assert prediction.head is not None
    scores = {name: score for name, score in SCORES.items() if score.needs in prediction.__dataclass_fields__}
    for name, values in maps_of(prediction, scores).items():
        assert values.numpy().shape == (HEIGHT, WIDTH), name


def parameter(values: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(values)


def test_what_a_model_does_to_its_image_is_its_own_business() -> None:
    def predict(image: NDArray[np.uint8]) -> torch.Tensor:
        image[:] = 7
        return logits(CLASSES, HEIGHT, WIDTH)

    image = picture()
    OutsidePredictor(predict, "mine:make", None)(image)
    np.testing.assert_array_equal(image, picture())


def test_a_field_that_was_promised_must_be_there() -> None:
    with pytest.raises(InputError, match="gives density, features, logits, but the prediction has no density"):
        answering(Prediction(logits(CLASSES, HEIGHT, WIDTH)), gives=("features", "density"))(picture())


def test_the_number_of_classes_stays() -> None:
    answers = iter([logits(CLASSES, 3, 4), logits(CLASSES, 5, 5), logits(CLASSES + 1, 3, 4)])
    model = OutsidePredictor(lambda image: next(answers), "mine:make", None)
    assert model.num_classes is None
    model(picture())
    model(picture())
    assert model.num_classes == CLASSES
    with pytest.raises(InputError, match="logits of 5 classes; wanted 4, as before"):
        model(picture())


def test_attributes_are_read() -> None:
    head = Head(logits(CLASSES, 6), logits(CLASSES))
    prediction = Prediction(logits(CLASSES, HEIGHT, WIDTH), features=logits(6, 3, 4))
    model = answering(
        prediction, gives=["features"], head=head, network_input="as a whole", name="theirs", closed_set="camvid",
        classes=["a", "b", "c", "d"], device="cpu",
    )  # fmt: skip
    assert model.gives == {"logits", "features", "head"}
    assert (model.network_input, model.name, model.closed_set, model.device) == (
        "as a whole",
        "theirs",
        "camvid",
        "cpu",
    )
    assert (model.classes, model.num_classes) == (("a", "b", "c", "d"), 4)
    assert torch.equal(model(picture()).head.weight, head.weight)  # type: ignore[union-attr]
    plain: Model = answering(logits(CLASSES, 3, 4))
    assert plain.gives == frozenset({"logits"})
    assert (plain.num_classes, plain.closed_set, plain.generative) == (None, None, False)
    assert (plain.network_input, plain.device, plain.config_sha256) == ("as mine:make does it", "not said", None)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"gives": {"logit"}}, "unknown field in gives of mine:make: 'logit'; did you mean 'logits'"),
        ({"gives": "logits"}, "gives is the text 'logits'; wanted a set of field names"),
        ({"classes": 4}, "classes is 4; wanted a sequence of names"),
        ({"classes": "abcd"}, "classes is 'abcd'; wanted a sequence of names"),
        ({"classes": [0, 1]}, r"classes is \[0, 1\]; wanted a sequence of names"),
        ({"head": (1, 2)}, "head is a tuple; wanted a gmmbench.prediction.Head"),
        ({"head": Head(np.zeros((4, 6)), np.zeros(4))}, "head.weight is a ndarray; wanted a torch tensor"),  # type: ignore[arg-type]
        ({"head": Head(logits(4, 6, 1, 1), logits(4))}, r"head.weight is of shape \(4, 6, 1, 1\)"),
        ({"gives": 3}, "gives is 3; wanted a set of field names"),
        ({"gives": None}, "gives is None; wanted a set of field names"),
        ({"classes": 3.5}, r"classes is 3\.5; wanted a sequence of names"),
        ({"closed_set": 3}, "closed_set is 3; wanted a name of"),
    ],
)
def test_attributes_that_make_no_sense(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        answering(None, **attributes)


def test_more_classes_than_were_named() -> None:
    with pytest.raises(InputError, match="logits of 4 classes; wanted 2"):
        answering(logits(CLASSES, 3, 4), classes=["a", "b"])(picture())


def test_a_model_may_take_gradients_of_its_own(here: Path) -> None:
    def predict(image: NDArray[np.uint8]) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.tensor(image).permute(2, 0, 1).float().requires_grad_()
            (gradient,) = torch.autograd.grad(x.square().sum(), x)
        return gradient

    expected = 2.0 * picture().transpose(2, 0, 1)
    np.testing.assert_array_equal(OutsidePredictor(predict, "mine:make", None)(picture()).logits.numpy(), expected)


def test_a_score_of_the_page(here: Path) -> None:
    (here / "my_scores.py").write_text(blocks()["my_scores"])
    score = outside_score("my_scores:runner_up")
    prediction = Prediction(logits(CLASSES, HEIGHT, WIDTH))
    ordered = np.sort(prediction.logits.numpy(), axis=0)
    np.testing.assert_allclose(score(prediction).numpy(), ordered[-2] - ordered[-1], rtol=1e-6)
    assert not score.pixelwise
    assert options_of(score) == {"temperature": 1.0}
    assert score.formula.startswith("my_scores:runner_up: How close the second class")
    halved = outside_score("my_scores:runner_up@temperature=2")
    assert options_of(halved) == {"temperature": 2.0}
    with pytest.raises(InputError, match="unknown option of score 'my_scores:runner_up': 'temprature'"):
        outside_score("my_scores:runner_up@temprature=2")
    torch.testing.assert_close(halved(prediction) * 2, score(prediction))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("p.logits", r"scores of shape \(4, 9, 14\); wanted \(H, W\) = \(9, 14\)"),
        ("p.logits.argmax(dim=0)", "values of type torch.int64; wanted a floating type"),
        ("3.0", "got a float; wanted a torch tensor or a numpy array"),
        ("p.logits[0].double().numpy()", None),
        ("p.logits[0].half()", None),
    ],
)
def test_results_of_a_score_are_checked(body: str, message: str | None, here: Path) -> None:
    (here / "mine_k.py").write_text(f"def score(p):\n    return {body}\n")
    score, prediction = outside_score("mine_k:score"), Prediction(logits(CLASSES, HEIGHT, WIDTH))
    if message is None:
        found = score(prediction)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, prediction.logits[0], atol=1e-2, rtol=0)
    else:
        with pytest.raises(InputError, match=r"score mine_k:score, image of 14x9 \(width x height\): .*" + message):
            score(prediction)


@pytest.fixture
def torchvision_loads() -> None:
    """Beside a CPU build of torch it needs help, which gmmbench.models gives."""
    import gmmbench.models  # noqa: F401


def test_torchvision_on_the_page(here: Path, torchvision_loads: None) -> None:
    (here / "my_models.py").write_text(blocks()["my_models"])
    torch.manual_seed(0)
    model = outside_predictor("my_models:deeplab", {"weights": ""})
    image = np.random.default_rng(0).integers(0, 256, (33, 49, 3)).astype(np.uint8)
    prediction = model(image)
    assert prediction.logits.shape == (21, 33, 49)
    assert prediction.logits.std() > 0
    assert model.device == "cpu"
    assert model.network_input.startswith("whole image")
    torch.testing.assert_close(model(image).logits, prediction.logits)


def test_features_on_the_page(here: Path, torchvision_loads: None) -> None:
    (here / "my_models.py").write_text(blocks()["my_models"])
    (here / "my_features.py").write_text(blocks()["my_features"])
    image = np.random.default_rng(0).integers(0, 256, (33, 49, 3)).astype(np.uint8)
    predictions = []
    for module in ("my_models", "my_features"):
        torch.manual_seed(0)
        predictions.append(outside_predictor(f"{module}:deeplab", {"weights": ""})(image))
    plain, rich = predictions
    torch.testing.assert_close(rich.logits, plain.logits)
    assert rich.head is not None
    assert rich.features is not None
    made = torch.einsum("cd,dhw->chw", rich.head.weight, rich.features) + rich.head.bias[:, None, None]
    made = F.interpolate(made[None], size=(33, 49), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(rich.logits, made, rtol=1e-4, atol=1e-5)


def test_onnx_on_the_page(here: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    (here / "my_onnx.py").write_text(blocks()["my_onnx"])
    seen, found = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None]) for name in ("image", "logits")
    )
    graph = helper.make_graph([helper.make_node("Neg", ["image"], ["logits"])], "negative", [seen], [found])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(made, str(here / "model.onnx"))
    model = outside_predictor("my_onnx:from_file", {"file": "model.onnx"})
    np.testing.assert_array_equal(model(picture()).logits.numpy(), -picture().transpose(2, 0, 1).astype(np.float32))


def test_every_block_of_the_page_is_python() -> None:
    found = blocks()
    assert set(found) == {"my_models", "my_segformer", "my_onnx", "my_features", "my_scores"}
    for name, source in found.items():
        compile(source, f"{name}.py", "exec")
