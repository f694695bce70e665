"""Atomic App: a packager for composite, multi-container applications.

The path of the data, a package a stage: nulecule (load, resolve), params (configure), rendering (render),
workload and providers (parse), planning (plan, apply). `images` fetches packages, `store` keeps state,
`cli` strings the stages together. Each stage is a function from one frozen value to the next.
"""
