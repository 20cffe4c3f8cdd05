"""The seventh room: what a person sees in a terminal. Each verb takes its own module of it."""
