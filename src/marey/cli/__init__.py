"""The command line: ``marey COMMAND``; see ``marey.cli.main`` for how commands are added."""
