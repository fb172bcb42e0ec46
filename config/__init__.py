"""Everything that configuration decides, without Pulumi: settings, topology and machine files."""
