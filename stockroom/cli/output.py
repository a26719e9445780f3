"""What commands print: nothing in it can steer a terminal, whoever has said it."""

import click

from stockroom.printable import printable_lines


class Failure(click.ClickException):
    """Ends a command; the message may repeat what a database or a person has said."""

    def __init__(self, message: str) -> None:
        super().__init__(printable_lines(message))


def echo(text: str, *, err: bool = False) -> None:
    click.echo(printable_lines(text), err=err)
