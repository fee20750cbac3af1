"""VirtualServices to routes of the Gateway API: conditions, their order, actions, and the objects around them."""
