"""``python -m amiss.cli``."""

from amiss.cli import main

main()
