"""`python -m seqkit`, the same command."""

from seqkit.cli import main

if __name__ == "__main__":
    main()
