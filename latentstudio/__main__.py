"""`python -m latentstudio`: the same as the `latentstudio` command."""

from latentstudio.cli.main import run

if __name__ == "__main__":
    run()
