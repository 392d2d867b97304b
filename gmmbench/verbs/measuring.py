"""How score maps are measured, as a command line says it, and in the words that are printed with every table."""

from __future__ import annotations

from dataclasses import dataclass

from gmmbench.errors import unknown_name
from gmmbench.evaluate import Measure, Source, blurred
from gmmbench.evaluate.sources import check_blur
from gmmbench.metrics.components import TRACKS
from gmmbench.metrics.protocols import PROTOCOLS, Protocol
from gmmbench.verbs.sets import OodSet
from gmmbench.verbs.setting import IGNORED, INTERVALS, RESOLUTION


@dataclass(frozen=True)
class Measuring:
    """How score maps are measured, as a command line says it.

    Attributes:
        protocol: a name of ``PROTOCOLS``.
        exact: sort all scores instead of counting them in bins.
        components: sIoU, PPV and F1*; ``None``: as the protocol says.
        blur: standard deviation of a smoothing of all maps; ``None``: none.
        limit: at most so many images of each set, the first ones.
    """

    protocol: str = "gmmbench"
    exact: bool = False
    components: bool | None = None
    blur: float | None = None
    limit: int | None = None

    def chosen(self) -> Protocol:
        """Raises InputError for an unknown name, listing the known ones."""
        if self.protocol not in PROTOCOLS:
            raise unknown_name("protocol", self.protocol, PROTOCOLS)
        return PROTOCOLS[self.protocol]

    def check(self) -> None:
        """Raises InputError for what is wrong whatever is measured: to be seen before any work."""
        self.chosen()
        if self.blur is not None:
            check_blur(self.blur)

    def on(self, ood: OodSet) -> Measure:
        """For one data set."""
        protocol = self.chosen()
        wanted = protocol.components if self.components is None else self.components
        return Measure(protocol, self.exact, TRACKS[ood.track] if wanted else None, self.limit)

    def source(self, source: Source) -> Source:
        """With the post-processing."""
        return source if self.blur is None else blurred(source, self.blur)

    def words(self, ood: OodSet) -> dict[str, str]:
        """Label to sentence: what is printed with every table."""
        measure = self.on(ood)
        words = measure.protocol.words() | {
            "ignored pixels": IGNORED,
            "positive class": "OOD; a pixel is called anomalous where its score is at or above the threshold",
            "intervals": f"{INTERVALS}; of thresholds as they stand",
            "counting": "all scores sorted" if self.exact else "bins of 24 bits of the float32 score",
            "post-processing": f"7x7 Gaussian, sigma {self.blur:g}" if self.blur is not None else "none",
        }
        if measure.protocol.size is None:
            words["resolution"] = RESOLUTION
        if measure.rules is None:
            return words | {"component metrics": "no"}
        rules = measure.rules
        least = f"{rules.smallest_truth} px, predictions from {rules.smallest_predicted} px"
        return words | {
            "component metrics": f"{rules.name}: objects from {least}, at the threshold of the best pixel F1"
        }

    def options(self) -> dict[str, object]:
        """Of the command that measures this again."""
        components = {None: {}, True: {"components": True}, False: {"no_components": True}}[self.components]
        protocol = {} if self.protocol == "gmmbench" else {"protocol": self.protocol}
        return {**protocol, "exact": self.exact, **components, "blur": self.blur, "limit": self.limit}


DEFAULT = Measuring()
"""gmmbench's own definitions, all images."""
