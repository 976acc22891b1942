"""`honeyguide experiments`: which of several lists is better, and how sure that is."""

import typer

from honeyguide.cli import deciding
from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.judged import results, sample_size
from honeyguide.cli.simulating import simulate

app = typer.Typer(add_completion=False, help="Find out which of several lists is better.", cls=HelpfulGroup)
app.command("list")(deciding.list_experiments)
for decide in (
    deciding.show,
    deciding.create,
    deciding.check,
    deciding.edit,
    deciding.start,
    deciding.ramp,
    deciding.phase,
    deciding.stop,
    deciding.assign,
):
    app.command()(decide)
app.command()(simulate)
app.command()(results)
app.command()(sample_size)


@app.callback()
def experiments() -> None:
    """Find out which of several lists is better."""
