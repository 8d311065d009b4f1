"""`python -m weighlock` is the same as `weighlock`."""

from weighlock.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
