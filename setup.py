"""Package layout: two rooms of the top level are installed below the package `atomicapp`.

`providers/` is imported as `atomicapp.providers` and `nulecule_specs/` is shipped as the data package
`atomicapp.nulecule_specs`, so that both stand at the top level for readers and work from a wheel,
an sdist and an editable install alike. Everything else about the project stands in pyproject.toml.
"""

from setuptools import find_packages, setup

MAPPED = ("providers", "nulecule_specs")

packages = find_packages(
    include=["atomicapp", "atomicapp.*"],
    exclude=[pattern for room in MAPPED for pattern in (f"atomicapp.{room}", f"atomicapp.{room}.*")],
)
package_dir = {}
for room in MAPPED:
    package_dir[f"atomicapp.{room}"] = room
    packages.append(f"atomicapp.{room}")
packages += [f"atomicapp.providers.{name}" for name in find_packages("providers")]

setup(packages=packages, package_dir=package_dir)
