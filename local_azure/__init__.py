"""What stands in for Azure on one Linux box: its rules, its machines and its services."""
