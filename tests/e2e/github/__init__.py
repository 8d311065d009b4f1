"""GitHub on this machine: act as its runner, a bare repository as origin, a mock of its REST API, stand-in actions."""
