"""A Kubernetes cluster as observed: objects read defensively and joined into the views that rules look at."""
