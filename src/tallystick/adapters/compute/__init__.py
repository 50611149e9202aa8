"""Compute behind the ports of training and research: this process, local processes, a cluster."""
