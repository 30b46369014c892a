"""The versions of the peers, as pip takes them. Each name has a virtual environment of its own."""

from __future__ import annotations

import os
from typing import Final

#: Where target-hubspot's source is, which is on no index; a copy will do: git+file:///some/where.
HUBSPOT_SOURCE: Final = os.environ.get(
    "BENCH_TARGET_HUBSPOT", "git+https://github.com/MeltanoLabs/target-hubspot"
)

PINS: Final = {
    "hotglue": ("hotglue-singer-sdk==1.0.51",),
    "dlt": ("dlt==1.31.0", "requests==2.34.2"),
    "drt": ("drt-core==1.2.1",),
    # singer-sdk and hubspot-api-client as its own lock has them. Both import pkg_resources, which
    # newer setuptools do not have.
    "target-hubspot": (
        f"{HUBSPOT_SOURCE}@f4ecfab7348cff7333ef1748a725164cc9672491",
        "singer-sdk==0.30.0",
        "hubspot-api-client==8.0.0",
        "setuptools<81",
    ),
}
