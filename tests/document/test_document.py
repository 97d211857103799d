from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from latentstudio.document.document import Document
from latentstudio.document.recipe import Recipe


def psi(value: float) -> Recipe:
    return Recipe(truncation_psi=value)


def test_undo_and_redo_carry_the_names_of_the_edits():
    document = Document(psi(1))
    document.edit("Truncation 0.7", psi(0.7))
    document.edit("Truncation 0.5", psi(0.5))
    assert document.undo_label == "Truncation 0.5"
    assert document.undo()
    assert document.recipe == psi(0.7)
    assert (document.undo_label, document.redo_label) == ("Truncation 0.7", "Truncation 0.5")
    assert document.redo()
    assert document.recipe == psi(0.5)
    assert not document.redo()


def test_a_drag_is_one_entry_until_the_hand_lets_go():
    document = Document(psi(1))
    for value in (0.9, 0.8, 0.7):
        document.edit(f"Truncation {value}", psi(value), merge="psi")
    document.release()
    document.edit("Truncation 0.6", psi(0.6), merge="psi")
    assert [e.label for e in document.entries] == ["Start", "Truncation 0.7", "Truncation 0.6"]
    document.undo()
    assert document.recipe == psi(0.7)


def test_escape_takes_the_drag_back_and_what_lay_ahead_returns():
    document = Document(psi(1))
    document.edit("a", psi(0.5))
    document.undo()
    document.edit("b", psi(0.9), merge="k")
    document.edit("b", psi(0.8), merge="k")
    assert document.redo_label is None
    assert document.abort()
    assert document.recipe == psi(1)
    assert document.redo_label == "a"
    assert not document.abort()


def test_a_drag_that_returns_to_its_beginning_leaves_no_entry():
    document = Document(psi(1))
    document.edit("t", psi(0.9), merge="k")
    document.edit("t", psi(1), merge="k")
    document.release()
    assert len(document.entries) == 1


def test_the_clean_mark_follows_the_state_not_the_number_of_steps():
    document = Document(psi(1))
    assert not document.is_modified
    document.edit("a", psi(0.5))
    document.mark_saved(None)
    document.edit("b", psi(0.4))
    assert document.is_modified
    document.undo()
    assert not document.is_modified


def test_listeners_hear_every_change_of_the_recipe():
    document, heard = Document(psi(1)), []
    document.recipe_changed.connect(heard.append)
    document.edit("a", psi(0.5))
    document.edit("a again", psi(0.5))
    document.undo()
    document.go_to(1)
    assert heard == [psi(0.5), psi(1), psi(0.5)]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(["edit", "drag", "release", "abort", "undo", "redo", "jump"]), max_size=30))
def test_after_any_sequence_undo_leads_through_the_same_states_back_to_the_start(actions):
    start = psi(0)
    document, fresh = Document(start), iter(np.arange(1, 1000) / 7)
    for action in actions:
        if action == "edit":
            document.edit("edit", psi(float(next(fresh))))
        elif action == "drag":
            document.edit("drag", psi(float(next(fresh))), merge="drag")
        elif action == "jump":
            document.go_to(len(document.entries) // 2)
        else:
            getattr(document, action)()
        assert document.recipe == document.entries[document.position].recipe
    document.release()
    seen = [document.recipe]
    while document.undo():
        seen.append(document.recipe)
    assert seen[-1] == start
    while document.redo():
        pass
    assert [e.recipe for e in document.entries][: len(seen)] == seen[::-1]
