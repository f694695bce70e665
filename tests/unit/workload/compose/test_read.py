"""A Compose file as a project."""

from __future__ import annotations

from atomicapp.workload import model
from atomicapp.workload.compose.keys import KEYS
from atomicapp.workload.compose.rules import RULES

from .helpers import project, service

SHOP = """
name: shop
services:
  web:
    image: example/web:${TAG:-1}
    ports: ["8080:80"]
    environment: {DB: db, DEBUG: null}
    depends_on:
      db: {condition: service_healthy}
    networks: [front, back]
  db:
    image: example/db:1
    volumes: [data:/var/lib/db]
    networks: [back]
    healthcheck: {test: [CMD, ready], interval: 5s}
networks:
  front:
  back: {internal: true}
volumes:
  data:
"""


def test_a_file_becomes_a_project() -> None:
    found = project(SHOP, {"TAG": "2"})
    assert found.name == "shop"
    assert [work.service for work in found.services] == ["web", "db"]
    web, db = found.services
    assert web.image == "example/web:2"
    assert [(port.host, port.container) for port in web.ports] == [("8080", 80)]
    assert [(item.target, item.condition) for item in web.depends_on] == [("db", model.HEALTHY)]
    assert [item.name for item in web.networks] == ["front", "back"]
    assert db.healthcheck == model.Healthcheck(("CMD", "ready"), 5 * 1000**3)
    assert [(item.kind, item.source, item.target) for item in db.mounts] == [("volume", "data", "/var/lib/db")]
    assert list(found.networks) == ["front", "back"]
    assert found.networks["back"].internal
    assert list(found.volumes) == ["data"]
    assert [issue.message for issue in found.issues] == ["the variable 'DEBUG' has no value"]


def test_a_service_without_networks_is_on_the_default_one() -> None:
    assert [network.name for network in service("tty: true").networks] == ["default"]
    assert list(project("services: {a: {image: b}}").networks) == ["default"]


def test_all_that_is_said_is_listed_with_its_place() -> None:
    said = [(item.key, item.subject, item.position.line) for item in project(SHOP).said]
    assert said == [
        ("name", "", 2),
        ("services.image", "web", 5),
        ("services.ports.target", "web", 6),
        ("services.ports.published", "web", 6),
        ("services.environment", "web", 7),
        ("services.depends_on.condition", "web", 9),
        ("services.networks", "web", 10),
        ("services.networks", "web", 10),
        ("services.image", "db", 12),
        ("services.volumes.type", "db", 13),
        ("services.volumes.target", "db", 13),
        ("services.volumes.source", "db", 13),
        ("services.networks", "db", 14),
        ("services.healthcheck.test", "db", 15),
        ("services.healthcheck.interval", "db", 15),
        ("networks.internal", "back", 18),
    ]
    assert {key for key, _, _ in said} <= KEYS


def test_the_reader_has_rules_for_keys_that_there_are() -> None:
    assert set(RULES) <= KEYS
