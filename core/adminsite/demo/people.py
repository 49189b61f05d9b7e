"""Made-up people as the CSV files that clients would hand over. The same seed gives the same people."""

import csv
import datetime
import io
import random

FIRST_NAMES = (
    "Ada Alba Amir Ana Anton Aroa Bea Bruno Carla Carmen Chen Clara Dario David Elena Elif Emil Emma Eva Fatima "
    "Felix Hugo Ines Irene Ivan Jana Joan Jonas Julia Kai Karim Laia Lara Leo Lena Lucas Lucia Luis Malik Mar "
    "Mara Marc Maria Mario Marta Max Mia Mila Nadia Nico Nina Noa Noor Olga Omar Oscar Pablo Paula Pau Pia Rafael "
    "Rita Rosa Sara Sofia Tara Theo Tomas Vera Yara Zoe"
).split()
LAST_NAMES = (
    "Abril Alonso Bauer Becker Blanco Campos Castro Costa Cruz Diaz Duran Engel Fischer Flores Fuentes Garcia Gil "
    "Gomez Haas Ibarra Iglesias Jansen Keller Kaya Lang Leon Lopez Luna Marin Mendez Molina Mora Moreno Navarro "
    "Nunez Ortega Pascual Perez Pino Prieto Ramos Reyes Rios Rojas Romero Roth Rubio Ruiz Sanz Serra Silva Soler "
    "Soto Torres Vega Vidal Weber Winter Wolf Zapata"
).split()
CITIES = ("Alicante", "Barcelona", "Bilbao", "Cádiz", "Girona", "Granada", "Madrid", "Málaga", "Sevilla", "Valencia")
MAILBOXES = (
    *("gmail.example",) * 4,
    *("outlook.example", "outlook.example", "icloud.example", "yahoo.example", "gmx.example"),
    *("correo.example", "casa.example"),
)
"""Named after the big providers, which `mailbox_providers` knows these by; some people have their own."""
MISTAKES = (
    ("ana.mail.example", "Ana", "Ramos"),
    ("", "Nobody", "Atall"),
    ("two@@mail.example", "Dario", "Soler"),
    ("space in@mail.example", "Mia", "Luna"),
    ("lucas@", "Lucas", "Vidal"),
    ("@mail.example", "Eva", "Haas"),
    ("paula@mail", "Paula", "Gil"),
    ("omar@mail..example", "Omar", "Kaya"),
)


def people_csv(
    count: int, *, seed: str, extra_column: tuple[str, tuple[str, ...]], with_mistakes: bool = False
) -> bytes:
    """A CSV of `count` different people in UTF-8, the last three columns the client's own; mistakes are strewn in."""
    chance = random.Random(seed)  # noqa: S311 - made-up people need no secrecy
    title, values = extra_column
    rows = [_person(number, chance, values) for number in range(count)]
    if with_mistakes:
        for mistake in MISTAKES:
            rows.insert(chance.randrange(len(rows)), [*mistake, "", *_own_values(chance, values)])
        rows.insert(len(rows) - 1, [rows[0][0].upper(), *rows[0][1:]])
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Email", "First name", "Last name", "Phone", "City", title, "Orders", "Customer since"])
    writer.writerows(rows)
    return out.getvalue().encode()


def _person(number: int, chance: random.Random, values: tuple[str, ...]) -> list[str]:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    address = f"{first}.{last}{number}@{chance.choice(MAILBOXES)}".lower()
    phone = f"+34 600 {chance.randrange(1000):03} {chance.randrange(1000):03}" if chance.random() < 0.4 else ""
    return [address, first, last, phone, *_own_values(chance, values)]


def _own_values(chance: random.Random, values: tuple[str, ...]) -> list[str]:
    since = datetime.date(2020, 1, 1) + datetime.timedelta(days=chance.randrange(2_100))
    orders = int(chance.expovariate(0.25))
    return [chance.choice(CITIES), chance.choice(values), str(orders), since.isoformat()]
