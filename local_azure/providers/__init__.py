"""The plugins that the Pulumi engine talks to, as gRPC servers of one process (see `serve`)."""
