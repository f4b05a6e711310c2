from judge.challenge.edit import Edit


def test_an_edit_changes_its_stretch_alone():
    edit = Edit(4, "is", "is not")
    assert edit.end == 6
    assert edit.applied("sky is blue, is it") == "sky is not blue, is it"
    assert Edit(3, "", "!").applied("sky") == "sky!"
