"""Processes of the service: started, watched, measured."""
