"""Make `data/invoices.parquet` from the published Online Retail file: `python -m api.demo.prepare SOURCE TARGET`.

Lines without a customer and lines that are no goods (postage, fees, manual corrections) are left out, exact duplicate
lines are counted once, and what remains is summed per customer, invoice and product group. Amounts are in pence.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

GROUPS: tuple[tuple[str, str], ...] = (
    ("Weihnachten", r"CHRISTMAS|XMAS|ADVENT|SANTA|REINDEER|SNOW"),
    ("Taschen", r"\bBAGS?\b|PURSE|BACKPACK|SHOPPER"),
    ("Kerzen und Licht", r"CANDLE|T-?LIGHT|LIGHT|LANTERN|LAMP"),
    ("Küche", r"CAKE|TEA|MUG|CUP|BOWL|LUNCH|KITCHEN|JAM|JAR|BOTTLE|CUTLERY|PLATE|SPOON|BAKING|PANTRY|EGG|TIN\b|TINS\b"),
    ("Papier und Schreiben", r"CARD|PAPER|WRAP|PENCIL|NOTEBOOK|RIBBON|STICKER|TAPE|PEN\b|BOOK"),
    ("Kinder", r"CHILD|GIRL|BOY|DOLLY|TOY|GAME|FELTCRAFT|SPACEBOY|JIGSAW|PLAY"),
    ("Garten", r"GARDEN|BIRD|FLOWER|PLANT|WATERING|DOORMAT|PARASOL|PICNIC"),
    ("Wohnen", r""),
)
NO_GOODS = r"^(?:POST|DOT|M|C2|CRUK|BANK CHARGES|PADS|D|S|AMAZONFEE|B|m|DCGS.*|gift_.*)$"


def product_group(descriptions: pd.Series) -> pd.Series:
    """The first group whose words occur in the description; the last group takes what is left."""
    found = pd.Series(GROUPS[-1][0], index=descriptions.index)
    for name, words in reversed(GROUPS[:-1]):
        found = found.mask(descriptions.str.contains(words, regex=True), name)
    return found


def invoices(source: Path) -> pa.Table:
    """One row per customer, invoice and product group: customer, invoice, day, category, pence, quantity."""
    lines = pq.read_table(source).to_pandas()
    lines = lines[lines["CustomerID"].notna() & ~lines["StockCode"].astype(str).str.match(NO_GOODS)].drop_duplicates()
    frame = pd.DataFrame(
        {
            "customer": lines["CustomerID"].astype("int32"),
            "invoice": lines["InvoiceNo"].astype(str),
            "day": lines["InvoiceDate"].dt.date,
            "category": product_group(lines["Description"].astype(str)),
            "pence": (lines["UnitPrice"] * 100).round().astype("int64") * lines["Quantity"].astype("int64"),
            "quantity": lines["Quantity"].astype("int32"),
        }
    )
    keys = ["customer", "invoice", "day", "category"]
    summed = frame.groupby(keys, as_index=False, observed=True)[["pence", "quantity"]].sum().sort_values(keys)
    return pa.Table.from_pandas(summed, preserve_index=False)


def main() -> None:
    """Read the source named first, write the target named second."""
    source, target = (Path(argument) for argument in sys.argv[1:3])
    pq.write_table(invoices(source), target, compression="zstd", compression_level=19, use_dictionary=True)


if __name__ == "__main__":
    main()
