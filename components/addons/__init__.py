"""What runs inside the cluster and is put there by the program."""
