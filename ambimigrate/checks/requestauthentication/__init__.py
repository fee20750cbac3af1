"""Rules about RequestAuthentications and the policies that need them."""
