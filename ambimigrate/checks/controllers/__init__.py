"""Rules about controllers: those that the API server calls, and those that make or guard objects of the mesh."""
