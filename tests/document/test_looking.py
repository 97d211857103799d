"""The film in the document: its own steps, and moments that are only looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentstudio.document.document import Document
from latentstudio.document.film import Film, Keyframe
from latentstudio.document.recipe import Recipe

ONE, TWO, THREE = (Recipe.from_seed(seed) for seed in (1, 2, 3))
SHORT = Film((Keyframe(0, ONE),), 10)
LONG = SHORT.with_keyframe(Keyframe(20, TWO))


@pytest.fixture
def document() -> Document:
    return Document(ONE)


def heard(document: Document) -> list[object]:
    said: list[object] = []
    document.recipe_changed.connect(lambda recipe: said.append(recipe.seed))
    document.film_changed.connect(lambda film: said.append(film))
    return said


def test_a_film_is_undone_like_a_picture(document: Document):
    document.edit_film("First keyframe", SHORT)
    document.edit("Seed 2", TWO)
    document.edit_film("Second keyframe", LONG)
    assert document.undo_label == "Second keyframe"
    document.undo()
    assert (document.recipe, document.film) == (TWO, SHORT)
    document.undo()
    assert (document.recipe, document.film) == (ONE, SHORT)
    document.undo()
    assert document.film is None
    document.redo()
    assert document.film == SHORT


def test_dragging_a_keyframe_is_one_step_and_escape_takes_it_back(document: Document):
    document.edit_film("Film", LONG)
    said = heard(document)
    for frame in (21, 22, 25):
        document.edit_film("Move", LONG.moved(1, frame), merge="move")
    assert len(document.entries) == 3
    assert document.abort()
    assert document.film == LONG
    assert said[-2:] == [LONG, 1]
    document.edit_film("Move", LONG.moved(1, 30), merge="move")
    document.edit_film("Move", LONG, merge="move")
    document.release()
    assert len(document.entries) == 2


def test_a_look_leaves_no_step_and_an_edit_goes_on_from_it(document: Document):
    said = heard(document)
    document.look("Frame 5", TWO, passing=True)
    assert (document.recipe, document.is_merging, document.is_looking) == (TWO, True, True)
    document.release()
    assert (document.recipe, document.is_merging, len(document.entries)) == (TWO, False, 1)
    assert not document.is_modified
    document.edit("Seed 3", THREE)
    assert [entry.label for entry in document.entries] == ["Start", "Frame 5", "Seed 3"]
    document.undo()
    assert (document.recipe, document.is_looking) == (TWO, False)
    assert said == [2, 3, 2]


def test_escape_while_scrubbing_goes_back_to_the_picture_of_before(document: Document):
    document.look("Frame 5", TWO, passing=True)
    assert document.abort()
    assert (document.recipe, document.is_looking, document.is_merging) == (ONE, False, False)
    assert not document.abort()


def test_escape_gives_a_keyframe_back_although_its_moment_is_looked_at(document: Document):
    document.edit_film("Film", LONG)
    document.edit_film("Move", LONG.moved(1, 25), merge="move")
    document.look("Frame 25", TWO, passing=True)
    assert document.abort()
    assert (document.film, document.is_merging) == (LONG, False)


def test_undoing_a_step_of_the_film_goes_on_looking(document: Document):
    document.edit_film("Film", SHORT)
    document.edit_film("More", LONG)
    document.look("Frame 5", TWO)
    document.undo()
    assert (document.film, document.recipe, document.is_looking) == (SHORT, TWO, True)
    document.edit("Seed 3", THREE)
    document.undo()
    document.undo()
    assert not document.is_looking


def test_going_to_a_step_or_leaving_ends_the_look(document: Document):
    document.look("Frame 5", TWO)
    document.go_to(0)
    assert document.recipe == ONE
    document.look("Frame 5", TWO)
    document.leave()
    assert document.recipe == ONE


def test_a_film_knows_whether_it_is_saved_and_stays_for_another_picture_of_the_model(document: Document):
    assert not document.is_film_modified
    document.edit_film("Film", LONG)
    assert document.is_film_modified
    document.mark_film_saved(Path("a.film.json"))
    assert (document.is_film_modified, document.film_path) == (False, Path("a.film.json"))
    document.restart(TWO)
    assert (document.film, document.is_film_modified) == (LONG, False)
    document.restart(THREE, keep_film=False)
    assert (document.film, document.film_path, document.is_film_modified) == (None, None, False)


def test_saving_what_is_only_looked_at_does_not_count_for_the_step(document: Document):
    document.edit("Seed 3", THREE)
    document.look("Frame 5", TWO)
    document.mark_saved(Path("a.png"))
    assert document.is_modified
    assert document.path is None
