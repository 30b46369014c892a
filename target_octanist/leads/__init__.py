"""What a lead is: the pure part. No I/O, no clock, no threads, no logging.

A mapping is compiled once (`mapping`), then each record goes through paths, normalisation
and identity. Nothing here imports the rest of the package.
"""
