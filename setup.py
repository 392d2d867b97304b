"""gmmbench's package. ``constraints.txt`` beside this file has the exact versions it was tested with."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

INSTALL = [
    # Kernels and autograd. 2.6 is the first whose torch.load defaults to weights_only=True and reads
    # what we write under it. From 2.14 on, PyPI's torch would pull another CUDA generation, and the
    # torchvision below is built for 2.13: the cap keeps a CPU torch that is already there.
    "torch>=2.6,<2.14",
    # timm imports it. 0.21 belongs to torch 2.6; the cap follows torch's.
    "torchvision>=0.21,<0.29",
    # Backbones. 1.0.9 settled the names of features_only stages; 2 may rename keys.
    "timm>=1.0.9,<2",
    # MMSegmentation 1.x, MMCV 2 and MMEngine as the onedl builds keep them alive (imported as mmseg,
    # mmcv, mmengine): the original distributions do not import on Python 3.11 with numpy 2. Pinned,
    # because their releases are young and gmmbench reaches into hooks and loops.
    "onedl-mmcv==2.3.6",
    "onedl-mmengine==0.10.12",
    "onedl-mmsegmentation==1.4.2",
    # add.at is fast from 1.25 on; the onedl builds need 2.
    "numpy>2,<3",
    # Resizing as MMCV does it. 4.10 is the first built for numpy 2.
    "opencv-python>=4.10,<6",
    # Reading images: it says what is wrong with a damaged file. 10.3 is the first with clean typing of modes.
    "pillow>=10.3",
    # Tables of reports. 2.2 is the first for numpy 2.
    "pandas>=2.2.2",
    # Figures. 3.9 is the first for numpy 2.
    "matplotlib>=3.9",
    # Report templates. 3.1.3 closes the last known escape.
    "Jinja2>=3.1.3",
    # Jinja2's own escaping, for the cells of large tables. 2.0 is what Jinja2 3.1 asks for.
    "MarkupSafe>=2.0",
    # Cards of data sets.
    "PyYAML>=6.0.1",
    # gmmbench data prepare: pooch hashes and places what requests fetches through urllib3. 2.2 is the first
    # urllib3 with read1, which keeps what came before a connection broke; of pooch and requests 1.7 and 2.32
    # are the oldest whose code was read for what is used here.
    "pooch>=1.7",
    "requests>=2.32",
    "urllib3>=2.2",
    # The command line. 0.29 is the first to name its own exception base, which main() catches.
    "typer>=0.29",
    # Progress bars and terminal tables.
    "rich>=13.7",
]

ONNX = [
    # gmmbench export: the format, PyTorch's exporter to it, and the runtime that the file is checked with.
    # onnxscript wants onnx 1.17; 1.23 is the last onnxruntime for Python 3.10; 0.7 is the onnxscript tested here.
    "onnx>=1.17",
    "onnxruntime>=1.23",
    "onnxscript>=0.7",
]

HDF5 = [
    # Score maps in SegmentMeIfYouCan's .hdf5. 3.12.1 is the first with wheels for
    # Python 3.13 that was not withdrawn.
    "h5py>=3.12.1",
]

DOCS = [
    # make docs: the pages of docs/ as a site. 9.7.7 is the last for Python 3.10; 10 may want another mkdocs than the
    # 1.6 that mkdocs.yml and docs/hooks.py are written for.
    "mkdocs-material>=9.7.7,<10",
]

BROWSER = [
    # Tests of a report's page, and benchmarks/page.py. playwright drives the chromium that is there, Debian's, and
    # downloads none; the other carries axe-core (4.12 in 0.1.8) in its wheel. The oldest that were tested.
    "playwright>=1.65",
    "axe-playwright-python>=0.1.8",
]

DEVELOP = [
    # Tests: runner, one test process a core, random cases, the stranger that metrics are held against.
    "pytest>=8.2",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "scikit-learn>=1.5",
    "scipy>=1.13",
    # A rival in benchmarks/metrics.py. 1.9 is the release that was measured.
    "torchmetrics>=1.9",
    # Style and types.
    "ruff>=0.17",
    "mypy>=1.11",
    # Tests of the export run it.
    *ONNX,
    # Tests of score maps write and read .hdf5.
    *HDF5,
    # Tests open a report's page; they skip where no chromium is.
    *BROWSER,
    # Tests build the site.
    *DOCS,
]

setup(
    name="gmmbench",
    version="0.1.0",
    description="Open-world anomaly segmentation benchmarks: GMMSeg, its softmax twin, every score, one protocol",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.10",
    packages=[*find_packages(include=["gmmbench", "gmmbench.*"]), "gmmbench.configs", "gmmbench.datasets"],
    # Configs and cards stand at the top of the project, where people look; a wheel carries them inside.
    package_dir={"gmmbench.configs": "configs", "gmmbench.datasets": "datasets"},
    package_data={
        "gmmbench": ["py.typed"],
        "gmmbench.report.render": ["page/*"],
        "gmmbench.published": ["tables/*.yaml"],
        "gmmbench.configs": ["*/*.py"],
        "gmmbench.datasets": ["*.yaml"],
    },
    install_requires=INSTALL,
    extras_require={
        "dev": DEVELOP,
        "onnx": ONNX,
        "hdf5": HDF5,
        "browser": BROWSER,
        "docs": DOCS,
        "tensorboard": ["tensorboard>=2.17"],
    },
    entry_points={"console_scripts": ["gmmbench=gmmbench.cli:console_main"]},
)
