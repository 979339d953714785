"""What the torture tests are made of: a subject that flaps, monitors to be killed, a dumb model, and checks."""
