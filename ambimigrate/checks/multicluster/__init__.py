"""Rules about meshes of several clusters or networks."""
