"""The main job: one command walks the whole chain, and the same command again goes on where it stopped."""
