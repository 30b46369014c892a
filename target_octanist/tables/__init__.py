"""Files of rows, read a chunk at a time: CSV, Excel, Parquet and JSON lines.

What a row says is kept as it is: text stays text, an integer exact, a date becomes ISO
8601, and what is empty is null.
"""

from __future__ import annotations
