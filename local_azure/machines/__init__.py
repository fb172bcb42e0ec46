"""Machines: systemd-nspawn containers that boot from the exact user data."""
