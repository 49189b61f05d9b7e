"""A list as clients send it: 5,000 rows, 40 of them bad in four ways, each bad row known."""

from dataclasses import dataclass

GOOD_ROWS = 4_960


@dataclass(frozen=True)
class MessyFile:
    content: bytes
    rows: int
    bad_rows: frozenset[int]


def messy_file() -> MessyFile:
    """UTF-8 with accents; every 125th row is bad: no address, a repeat in other case, Latin-1 bytes, or too wide."""
    lines = ["Correo electrónico,Nombre,Apellidos,Ciudad,id".encode()]
    bad: set[int] = set()
    for index in range(5_000):
        number = index + 2
        address = f"persona{index}@correo{index % 40}.example"
        if index % 125 == 124:
            bad.add(number)
            lines.append(_bad_line(len(bad) % 4, index))
        else:
            lines.append(f"{address},José {index},Núñez,Ávila,{index}".encode())
    return MessyFile(content=b"\r\n".join(lines) + b"\r\n", rows=5_000, bad_rows=frozenset(bad))


def _bad_line(kind: int, index: int) -> bytes:
    earlier = index - 1
    return (
        f"persona{index},José,Núñez,Ávila,1".encode(),
        f"PERSONA{earlier}@Correo{earlier % 40}.example,José,Núñez,Ávila,1".encode(),
        f"persona{index}@correo.example,Jos\xe9,N\xfa\xf1ez,Vigo,1".encode("latin-1"),
        f"persona{index}@correo.example,José,Núñez,Ávila,1,extra,cells".encode(),
    )[kind]
