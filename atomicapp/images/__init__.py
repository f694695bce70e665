"""Images of apps: names, registries, layouts, archives, the Docker Engine, building and safe unpacking.

`fetch.Images` is what the rest of the program uses; `build.build` makes an image. Everything in here treats what it
reads as hostile.
"""
