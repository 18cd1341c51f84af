"""One file a command: ``configure(parser)`` adds its arguments, ``run(args)`` does it and returns the exit status."""
