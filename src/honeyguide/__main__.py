"""`python -m honeyguide` is the command `honeyguide`."""

from honeyguide.cli import main

if __name__ == "__main__":
    main()
