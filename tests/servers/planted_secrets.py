"""Secrets in the places where they turn up, and texts that only look as if they held one; made from a seed."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator, Mapping

PLACES = 120

Make = Callable[[random.Random], str]


def _of(alphabet: str, low: int, high: int) -> Make:
    return lambda chance: "".join(chance.choice(alphabet) for _ in range(chance.randint(low, high)))


_WORD = string.ascii_letters + string.digits
_BASE64 = _WORD + "+/"
_PASSWORD = _of(_WORD + "!#$%*+-.^_~", 6, 24)
_IN_URL = _of(_WORD + "!$*+-.^_~@", 6, 24)
_TOKEN = _of(_WORD + "-_", 12, 60)


def _jwt(chance: random.Random) -> str:
    parts = (_of(_WORD + "-_", 12, 60)(chance) for _ in range(2))
    return "eyJhbGciOiJIUzI1NiJ9.eyJ" + ".".join(parts)


def _basic(chance: random.Random) -> str:
    return base64.b64encode(f"{_TOKEN(chance)}:{_PASSWORD(chance)}".encode()).decode()


def _key_block(chance: random.Random) -> str:
    body = "\n".join(_of(_BASE64, 64, 64)(chance) for _ in range(4))
    name = chance.choice(["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""])
    return f"-----BEGIN {name}PRIVATE KEY-----\n{body}\n-----END {name}PRIVATE KEY-----"


_SHAPES: Mapping[str, Make] = {
    "model provider's key": lambda c: "sk-ant-api03-" + _of(_WORD + "-_", 40, 90)(c),
    "cloud access key": lambda c: "AKIA" + _of(string.ascii_uppercase + string.digits, 16, 16)(c),
    "forge token": lambda c: "ghp_" + _of(_WORD, 36, 36)(c),
    "fine-grained forge token": lambda c: "github_pat_" + _of(_WORD + "_", 60, 80)(c),
    "chat token": lambda c: "xoxb-" + _of(_WORD + "-", 20, 50)(c),
    "other forge token": lambda c: "glpat-" + _of(_WORD, 20, 20)(c),
    "payment key": lambda c: "sk_live_" + _of(_WORD, 24, 24)(c),
    "maps key": lambda c: "AIza" + _of(_WORD + "-_", 35, 35)(c),
    "vault token": lambda c: "hvs." + _of(_WORD, 24, 90)(c),
    "JSON web token": _jwt,
}
_ANYWHERE = ("{}", "with {} it failed", "key {}: no", "<{}>", "a={};b", '["{}"]', "https://hooks.example/{}/x")

PLANTED: Mapping[str, tuple[Make, tuple[str, ...]]] = {
    "password in a URL": (
        _IN_URL,
        (
            "postgresql+asyncpg://operator:{}@db.example:5432/ledger?sslmode=require",
            "GET http://admin:{}@10.0.0.1:7000/members: 503",
            "redis://:{}@cache/0",
            'dsn="mysql://root:{}@[::1]:3306/test"',
            "opening (https://someone:{}@example.org) failed",
            "open root:{}@tcp(127.0.0.1:7002)/test",
        ),
    ),
    "bearer token": (
        _of(_WORD + "-._~+/", 20, 80),
        (
            "Authorization: Bearer {}",
            '{{"Authorization": "Bearer {}", "Accept": "*/*"}}',
            "('authorization', 'Bearer {}')",
            "map[Authorization:[Bearer {}] Accept:[*/*]]",
            "curl -H 'Authorization: Bearer {}' http://node1/",
            "proxy-authorization: bearer {} was refused",
            "the server did not like Bearer {}, it said",
        ),
    ),
    "basic credentials": (
        _basic,
        ("Authorization: Basic {}", '"authorization":["Basic {}"]', "sent Basic {} and got 401", "auth=[Basic {}]"),
    ),
    "password by name": (
        _PASSWORD,
        (
            "password={}",
            "password: {}",
            "PASSWORD = {}",
            "db_password={} host=db1",
            "Server=db1;Password={};Port=7002",
            '{{"user": "root", "password": "{}", "port": 1}}',
            r'body="{{\"passwd\":\"{}\",\"port\":1}}"',
            "[config] [password={}] [port=1]",
            "{{Password:{} User:root}}",
            "MYSQL_PWD={} mysqld --port 1",
            "passphrase => '{}'",
            "--password {} --port 1",
            "['--db-password', '{}', '--port']",
            "requirepass: {}",
            "https://node1/login?user=root&password={}&next=1",
            "ALTER USER root IDENTIFIED BY '{}'",
        ),
    ),
    "token by name": (
        _TOKEN,
        (
            "token={}",
            "X-Auth-Token: {}",
            'access_token="{}"',
            "api_key={}",
            '"apiKey":"{}"',
            "x-api-key: {}",
            "client_secret={}&grant=1",
            "AWS_SECRET_ACCESS_KEY={}",
            "secret-key: '{}'",
            "OPERATOR_TOKEN={} operator monitor",
            "--api-key={}",
        ),
    ),
    **{kind: (make, _ANYWHERE) for kind, make in _SHAPES.items()},
    "cookie": (
        lambda c: f"sid={_of(_WORD, 16, 40)(c)}",
        ("Cookie: {}", "set-cookie: {}; Path=/", '"Cookie": "{}"', "curl -b 'Cookie: {}'"),
    ),
    "password in SQL": (
        _of(_WORD, 8, 20),
        ("CREATE USER a IDENTIFIED BY '{}'", "SET PASSWORD '{}'", 'ALTER USER a IDENTIFIED WITH x BY "{}"'),
    ),
    "private key": (
        _key_block,
        ("{}", 'tls.key: "{}"', "the file says\n{}\nand more", "certificate and key:\n{}"),
    ),
}


def planted() -> Iterator[tuple[str, str, str]]:
    """Kind, text, and the secret in it: every kind in every place where it may stand."""
    chance = random.Random(20260301)
    for kind, (make, places) in PLANTED.items():
        for n in range(max(PLACES, 12 * len(places))):
            secret = make(chance)
            yield kind, places[n % len(places)].format(secret), secret


def harmless() -> Iterator[str]:
    """Texts without a secret that look as if there were one: keys of ranges, digests, ids, addresses, paths."""
    chance = random.Random(7)
    hexes = "0123456789abcdef"
    makes: tuple[Make, ...] = (
        _of("0123456789ABCDEF", 18, 90),
        lambda c: f"start_key={_of('0123456789ABCDEF', 18, 90)(c)} end_key={_of('0123456789ABCDEF', 18, 90)(c)}",
        lambda c: f'"key": "{_of("0123456789ABCDEF", 18, 60)(c)}"',
        lambda c: f"[shard_id={c.randint(1, 10**6)}] [key={_of(hexes, 40, 40)(c).upper()}]",
        _of(hexes, 40, 40),
        lambda c: f"sha256:{_of(hexes, 64, 64)(c)}",
        lambda c: f"docker://registry.example/node:v{c.randint(1, 9)}.2@sha256:{_of(hexes, 64, 64)(c)}",
        lambda c: f"docker://node:v{c.randint(1, 9)}.2@sha256:{_of(hexes, 64, 64)(c)}",
        lambda c: f"http://10.0.{c.randint(0, 255)}.{c.randint(0, 255)}:7000/members/{c.randint(1, 10**18)}",
        lambda c: f"https://node{c.randint(1, 99)}.example:7080/metrics?since={c.randint(1, 10**9)}",
        lambda c: f"node{c.randint(1, 99)}-peer.namespace.svc:7001",
        lambda c: f"[fe80::{_of(hexes, 1, 4)(c)}%eth0]:7000",
        lambda c: f"o{c.randint(1, 10**6)}.{c.randint(1, 10**4)}",
        lambda c: f"node/{c.randint(1, 10**6)}",
        lambda c: (
            f"v{c.randint(0, 9)}.{c.randint(0, 99)}.{c.randint(0, 99)}-alpha.{c.randint(1, 99)}+{_of(hexes, 7, 7)(c)}"
        ),
        lambda c: f"{_of(hexes, 8, 8)(c)}-{_of(hexes, 4, 4)(c)}-{_of(hexes, 4, 4)(c)}-{_of(hexes, 12, 12)(c)}",
        lambda c: f"/var/lib/node/{_of(_WORD, 12, 30)(c)}/db/000{c.randint(100, 999)}.sst",
        lambda c: f"/etc/passwd: permission denied by {_of(hexes, 12, 12)(c)}",
        lambda c: f"/run/secrets/db_password: No such file ({c.randint(1, 99)})",
        lambda c: f"PWD=/home/operator/{_of(_WORD, 6, 12)(c)}",
        lambda c: f"private_key: /etc/node/{_of(_WORD, 6, 12)(c)}.pem",
        lambda c: f"tokens={c.randint(1, 10**6)} token_count={c.randint(1, 99)} max_tokens: {c.randint(1, 10**5)}",
        lambda c: f"the token bucket of group {c.randint(1, 99)} is empty",
        lambda c: f"the password of user{c.randint(1, 99)} was wrong; password required",
        lambda c: f"authorization failed for peer {c.randint(1, 99)}",
        lambda c: f"a bearer certificate and basic authentication, {c.randint(1, 99)} times",
        lambda c: f"password: {'*' * c.randint(3, 9)}",
        lambda c: f"password=${{DB_PASSWORD_{c.randint(1, 9)}}}",
        lambda c: f"disk-{_of(hexes, 24, 24)(c)} task-{_of(hexes, 24, 24)(c)}",
        lambda c: f"mail to someone{c.randint(1, 99)}@example.org, or git@example.org:a/b.git",
        lambda c: f"-----BEGIN CERTIFICATE-----\n{_of(_BASE64, 64, 64)(c)}\n-----END CERTIFICATE-----",
        lambda c: f"2026-03-01T12:00:{c.randint(10, 59)}Z [{c.randint(1, 99)}] took=73.5ms addr=127.0.0.1:7001",
        lambda c: f'histogram_quantile(0.99, sum by (le, instance) (rate(x_seconds{{type="a{c.randint(1, 9)}"}}[1m])))',
    )
    for make in makes:
        for _ in range(20):
            yield make(chance)
