"""What the main screen asks and shows: inputs as typed in, options and points out."""
