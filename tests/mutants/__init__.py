"""Valid specs, faults put into them one at a time by script, and what the compiler says of each."""
