"""An environment as files that engines read: nginx, systemd, Kubernetes. Pure: nothing here reads a file or a clock."""
