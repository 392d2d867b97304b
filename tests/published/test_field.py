"""Cells held against shared/docs/field.md (4.1 to 4.3) and gmmseg.md (1.7), read there and written down here."""

from __future__ import annotations

import pytest

from gmmbench.published import Published, published

FIVE = ("road_anomaly21", "road_obstacle21", "fs_lost_and_found", "fs_static", "road_anomaly")


def only(dataset: str, source: str, method: str, note: str = "") -> Published:
    """The one row of a data set whose texts hold these."""
    [row] = [
        row
        for row in published(dataset)
        if source in row.source and row.method == method and note in f"{row.note} {row.protocol}"
    ]
    return row


@pytest.mark.parametrize(
    ("source", "method", "note", "cells"),
    [
        ("yurnero14", "MSP", "as published", "23.97/72.30 0.67/89.71 1.31/79.89 5.12/63.37 10.77/88.48"),
        ("yurnero14", "MaxLogit", "as published", "31.90/72.44 1.18/80.29 2.56/71.88 6.24/66.11 13.31/82.47"),
        ("yurnero14", "MSP", "512x1024", "29.10/62.55 2.71/65.22 1.75/50.59 7.47/41.84 12.42/82.58"),
        ("yurnero14", "Entropy", "512x1024", "30.97/62.66 3.04/65.91 2.58/50.16 8.84/41.55 12.67/82.75"),
        ("yurnero14", "Void ERFNet", "512x1024", "25.16/69.35 0.76/94.66 5.51/27.36 15.37/45.65 10.38/90.27"),
        ("yurnero14", "Void ENet", "512x1024", "17.30/83.95 1.50/54.14 2.91/51.92 7.37/56.58 9.69/83.09"),
        ("omerzkan", "ERFNet, MSP", "", "29.09/62.57 2.71/65.28 1.75/50.61 7.47/41.84 12.42/82.59"),
        ("omerzkan", "EoMT-Cityscapes, MSP", "", "74.36/33.73 90.11/0.55 25.42/14.90 54.35/34.94 75.69/19.31"),
        ("omerzkan", "EoMT-Cityscapes, RbA", "ties", "69.99/80.06 86.97/99.95 25.97/8.79 56.11/82.68 74.62/20.41"),
        ("OASIS", "MSP", "are kept", "29.20/62.40 2.80/64.60 1.70/50.30 5.00/40.90 12.40/82.50"),
        ("shayanit", "msp", "never divided by 255", "14.59/95.09 0.72/94.77 0.26/95.83 1.98/95.26 9.43/95.30"),
    ],
)
def test_erfnet_and_eomt(source: str, method: str, note: str, cells: str) -> None:
    # 4.1 has two digits of more, so the second may be off by one where a source's third is a 5.
    for name, cell in zip(FIVE, cells.split(), strict=True):
        row = only(f"polito_{name}", source, method, note)
        for metric, text in zip(("AP", "FPR95"), cell.split("/"), strict=True):
            assert row.values[metric] * 100 == pytest.approx(float(text), abs=0.00501)


@pytest.mark.parametrize(
    ("method", "cells"),
    [("MSP", "76.45/24.27/60.42"), ("SCALE", "84.58/34.79/46.99"), ("kNN", "60.40/12.52/86.52")],
)
def test_deeplab_on_road_anomaly(method: str, cells: str) -> None:
    row = only("road_anomaly", "Srujankowluru", method, "DeepLabV3+ (")
    assert "/".join(f"{100 * row.values[name]:.2f}" for name in ("AUROC", "AP", "FPR95")) == cells


def test_strong_references_and_validated_submissions_as_printed() -> None:
    assert dict(only("road_anomaly", "UEM", "UEM, GMM (G-G)").printed) == {"AP": "93.75", "FPR95": "6.32"}
    assert only("road_obstacle21_test", "UEM", "UEM, Discriminative (D-D)").printed["AP"] == "94.40"
    rba = only("road_anomaly", "RbA", "RbA, Swin-B (1 dec layer)", "OoD data: no")
    assert dict(rba.printed) == {"AP": "78.45", "FPR95": "11.83"}
    laf = {row.method: row for row in published("fishyscapes_lost_and_found") if "pull requests" in row.source}
    assert dict(laf["UNO"].printed) == {"AP": "81.78", "FPR95": "1.29"}
    assert laf["UNO, no OE"].url == "https://github.com/hermannsblum/fishyscapes/pull/71"
    assert dict(only("fishyscapes_lost_and_found", "7475047398", "Energy").printed) == {
        "AUROC": "94.8", "AP": "28.0", "FPR95": "29.6",
    }  # fmt: skip


def test_numbers_that_disagree_both_stay_with_their_sources() -> None:
    old, new = published("street_hazards")
    assert (f"{old.values['AUROC']:.1%}", f"{old.values['FPR95']:.0%}") == ("80.7%", "76%")
    assert dict(new.printed) == {"AUROC": "81.93", "AP": "09.05", "FPR95": "57.43", "AUPR-in": "99.70"}
    assert old.source != new.source
    assert "trapezoid" in new.protocol
    assert "mean" in new.protocol
    erfnet = [row for row in published("cityscapes") if row.method == "ERFNet"]
    assert {row.printed["mIoU"] for row in erfnet} == {"72.5", "71.99"}


def test_gmmseg_has_its_own_rows_and_the_doubtful_ones_say_so() -> None:
    rows = [row for row in published() if "GMMSeg" in row.method]
    sure = {(row.dataset, row.method): row.printed["mIoU"] for row in rows if "aggregator" not in row.protocol}
    assert sure == {
        ("coco_stuff10k", "GMMSeg-Segformer"): "44.81",
        ("ade20k", "UperNet +GMMSeg"): "49.0",
        ("ade20k", "OCRNet +GMMSeg"): "44.8",
        ("coco_stuff10k", "UperNet +GMMSeg"): "44.3",
    }
    doubtful = [row for row in rows if "aggregator" in row.protocol]
    assert len(doubtful) == 11
    assert all("mark of doubt" in row.note for row in doubtful)
    printed = {(row.dataset, metric): text for row in doubtful for metric, text in row.printed.items()}
    assert printed["fishyscapes_lost_and_found", "FPR95"] == "12.55"
    assert printed["road_anomaly", "FPR95"] == "44.34"
    assert printed["coco_stuff", "mIoU"] == "52"


def test_what_is_only_recalled_is_not_there() -> None:
    # gmmseg.md 1.7 marks these [R]: AUROC and AP of GMMSeg, and the rows that it was compared to.
    recalled = {"97.34", "43.47", "84.71", "34.42", "97.83", "50.03", "89.37", "57.65", "89.29", "67.53", "92.36"}
    for dataset in ("fishyscapes_lost_and_found", "road_anomaly", "fishyscapes_static_test"):
        assert not recalled & {text for row in published(dataset) for text in row.printed.values()}
