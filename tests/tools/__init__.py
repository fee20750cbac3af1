"""Programs for contributors, which make data of the project anew."""
