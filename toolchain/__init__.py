"""What Kilonode runs and installs: found, downloaded or built, and cached.

`config/artifacts.yaml` holds every version and checksum; `modules/` holds one
pinned Go module per program for where no official release can be had.
"""
