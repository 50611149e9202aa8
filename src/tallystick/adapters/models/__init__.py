"""Model libraries behind the ports of training and decision: one module a family."""
