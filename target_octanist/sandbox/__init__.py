"""A real local HTTP server that stands in for the Octanist API.

It imports nothing from the rest of the package: both sides read the contract on their own, so a
misreading on one side shows up as a refused request on the other.
Starlette and uvicorn come with the extra ``sandbox``; importing this package
alone needs neither.
"""
