"""How people and programs write text tables: separators, comments, units, decimal commas and dates."""

from __future__ import annotations

import numpy as np
import pytest
from log_files import CASES, Read, codes, read_csv, read_file

from offrl_core.formats import FileError, preview_file


def told(reading: Read, code: str) -> str:
    (found,) = [found for found in reading.findings if found.code == code]
    return f"{found.message}. {found.remedy}"


# --- the heading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["comment_top.csv", "sep_line.csv"])
def test_lines_above_the_names(name: str) -> None:
    data = read_file(CASES / name).dataset
    np.testing.assert_array_equal(data.observations, [0, 1, 0, 1])
    assert [data.action_names[action] for action in data.actions] == ["l", "r", "r", "l"]
    np.testing.assert_array_equal(data.rewards, [0, 1, 0, 1])
    np.testing.assert_array_equal(data.terminations, [False, True, False, True])


TABLE = "ep,s,a,r,d\n0,0.5,0,1,0\n0,1.5,1,2,1\n1,2.5,1,3,1\n"


@pytest.mark.parametrize(
    "above",
    ["# one\n# two, with, commas\n", "\n \n#x\n\n", "sep=,\n", '"sep=,"\r\n', "\ufeffSEP=,\n", "# why\nsep=,\n#\n"],
    ids=range(6),
)
def test_what_stands_above_is_left_out(above: str) -> None:
    data = read_csv(above + TABLE).dataset
    np.testing.assert_array_equal(data.observations[:, 0], [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(data.rewards, [1, 2, 3])
    np.testing.assert_array_equal(data.episode_starts, [0, 2])
    assert preview_file((above + TABLE).encode(), name="x.csv").rows == 3


def test_a_separator_that_is_named_counts() -> None:
    text = "sep=|\nepisode|at, in m;s|action|reward\n0|1|0|.5\n0|2|1|.5\n"
    np.testing.assert_array_equal(read_csv(text).dataset.observations, [1, 2])
    tabs = "sep=\t\n" + TABLE.replace(",", "\t")
    np.testing.assert_array_equal(read_csv(tabs).dataset.rewards, [1, 2, 3])


def test_names_in_a_comment() -> None:
    """As NumPy writes them, and a first column that is called '#'."""
    rows = "0,.5,0,1,0\n0,1.5,1,2,1\n"
    for header in ("# ep,s,a,r,d\n", "#made today\n#ep,s,a,r,d\n"):
        reading = read_csv(header + rows)
        np.testing.assert_array_equal(reading.dataset.observations[:, 0], [0.5, 1.5])
        assert ("comments" in codes(reading)) == ("made" in header)
    reading = read_csv("#,page,action,reward\n1,home,go,0\n2,list,stay,1\n")
    assert reading.dataset.observation_names == ("home", "list")
    assert told(reading, "unused-columns") == "1 column was not used: #. "


def test_comments_among_the_rows() -> None:
    lines = TABLE.splitlines()
    text = "\n".join([*lines[:2], "# the sensor was changed", *lines[2:], "# end"])
    reading = read_csv(text)
    np.testing.assert_array_equal(reading.dataset.rewards, [1, 2, 3])
    assert told(reading, "comments") == "text stands among the rows, after '#': 2 lines. It was left out."
    with pytest.raises(FileError, match=r"row 2: .*Expected 5 columns, got 1:  the sensor"):
        read_csv(text.replace("#", ""))
    # A word that begins so is a word where the row is whole.
    assert read_csv("s,a,r\n#1,0,0\n#2,1,0\n").dataset.observation_names == ("#1", "#2")


def test_errors_count_rows_of_data() -> None:
    above = "# a\n# b\n"
    for text in (TABLE, above + TABLE, above + TABLE.replace("d\n", "d\n-,m,,kg,-\n")):
        with pytest.raises(FileError, match=r"row 4: .*Expected 5 columns, got 3"):
            read_csv(text + "1,2,3\n")
    with pytest.raises(FileError, match="row 2, column 'r': 'x' is not"):
        read_csv(above + TABLE.replace("1,2,1", "1,x,1"))


def test_units_below_the_names() -> None:
    for units in ("-,m/s,,USD,-", "[],[m],[1/s],[kg],[-]", ",°C,,,"):
        reading = read_csv(TABLE.replace("d\n", f"d\n{units}\n"))
        np.testing.assert_array_equal(reading.dataset.observations[:, 0], [0.5, 1.5, 2.5])
        np.testing.assert_array_equal(reading.dataset.actions, [0, 1, 1])
        assert "It was left out" in told(reading, "units")


def test_rows_are_not_taken_for_units() -> None:
    for first in ("a,NA,go,1", "a,x,go,0", "a,2,word,-1"):
        reading = read_csv(
            f"e,s,a,r\n{first}\nb,3,go,1\nb,4,stay,0\n",
            mapping={"state": ["s"], "action": "a", "reward": "r", "missing": "drop", "episode": "e"},
        )
        assert "units" not in codes(reading)
    flags = read_csv("s,a,r,done\n3,1,0,false\n4,0,1,1\n")
    assert len(flags.dataset) == 2


def test_titles_above_the_names() -> None:
    reading = read_csv("Run 5 of the second day\n\n" + TABLE)
    np.testing.assert_array_equal(reading.dataset.rewards, [1, 2, 3])
    assert told(reading, "comments") == "text stands above the names of the columns: 1 line. It was left out."


def test_units_in_names() -> None:
    """A unit in brackets is no part of a name; a number in brackets is."""
    reading = read_csv("episode,temp [°C],Action,reward (USD)\n1,2.5,0,1\n1,3.5,1,0\n")
    assert reading.mapping is not None
    assert (reading.mapping.state, reading.mapping.reward) == (("temp [°C]",), "reward (USD)")
    both = read_csv("obs [0],obs [1],action,reward\n1,2,0,1\n1,3,1,0\n")
    np.testing.assert_array_equal(both.dataset.observations, [[1, 2], [1, 3]])


def test_blanks_separate_where_nothing_else_does() -> None:
    data = read_csv("ep s a r\n0 1 0 .5\n0 2 1 1.5\n").dataset
    np.testing.assert_array_equal(data.rewards, [0.5, 1.5])


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "UTF-16"), ("cp1252", "Windows-1252"), ("latin-1", "Windows-1252"), ("utf-8", "")]
)
def test_encodings(encoding: str, name: str) -> None:
    """German names of columns, and letters of the language."""
    text = "Lauf;Zustand;Aktion;Belohnung\n1;kühl;auf;0,5\n1;heiß;zu;1,5\n"
    reading = read_file(text.encode(encoding), name="log.txt")
    assert reading.dataset.observation_names == ("heiß", "kühl")
    np.testing.assert_array_equal(reading.dataset.rewards, [0.5, 1.5])
    assert not name or told(reading, "encoding") == f"the text is not UTF-8. It was read as {name}."


def test_damaged_utf8_is_no_other_encoding() -> None:
    text = "s,a,r\nkühl,0,1\nheiß,1,0\n".encode()
    for broken in (text.replace("ß".encode(), b"\xc3"), text.replace("ß".encode(), b"\x81")):
        with pytest.raises(FileError, match="not UTF-8"):
            read_file(broken, name="log.csv")
    late = b"s,a,r\n" + b"x,0,1\n" * 60_000 + "kühl,1,0\n".encode("latin-1")
    with pytest.raises(FileError, match="not UTF-8"):
        read_file(late, name="log.csv")


# --- decimal commas --------------------------------------------------------------------------------------------------


def test_a_decimal_comma_comes_late() -> None:
    """60 rows of whole numbers, then two with a comma."""
    data = read_file(CASES / "semi_late_comma.csv").dataset
    np.testing.assert_array_equal(data.observations[:, 0], [*range(60), 1.5, 2.5])
    np.testing.assert_array_equal(data.rewards, [*[0, 0, 0, 0, 1] * 12, 0, 0.5])
    np.testing.assert_array_equal(data.episode_starts, range(0, 61, 5))
    assert not data.tabular


def test_a_decimal_comma_between_tabs() -> None:
    data = read_file(CASES / "tab_comma.tsv").dataset
    np.testing.assert_array_equal(data.observations[:, 0], [0.5, 1.5])
    np.testing.assert_array_equal(data.rewards, [0.25, 1.75])


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("before", [3, 40_000])
def test_decimal_commas_anywhere(separator: str, before: int) -> None:
    """In the first rows or far behind them, with thousands, exponents, signs and missing values."""
    rows = [f"{i // 10};{i};{i % 3};{i % 2};0" for i in range(before)]
    rows += [f"x;{x};0;1;{r}" for x, r in (("-1.234,5", "0,25"), ("2,5e-1", "NA"), (",75", "-3"), ("+7", "1e2"))]
    text = "\n".join(["e;s;z;a;r", *rows]).replace(";", separator)
    how = {"state": ["s", "z"], "action": "a", "reward": "r", "episode": "e"}
    with pytest.raises(FileError, match=f"row {before + 2}, column 'r'"):
        read_csv(text, mapping=how)
    data = read_csv(text.replace("NA", "2"), mapping=how).dataset
    np.testing.assert_array_equal(data.observations[-4:, 0], np.float32([-1234.5, 0.25, 0.75, 7]))
    np.testing.assert_array_equal(data.rewards[-4:], [0.25, 2, -3, 100])
    np.testing.assert_array_equal(data.observations[:before, 0], np.arange(before))


def test_points_and_commas_each_in_their_columns() -> None:
    data = read_csv(
        "s;x;a;r\n0.5;1,5;0;1\n1.5;2,5;1;2\n", mapping={"state": ["s", "x"], "action": "a", "reward": "r"}
    ).dataset
    np.testing.assert_array_equal(data.observations, [[0.5, 1.5], [1.5, 2.5]])


def test_places_on_a_grid_are_no_numbers() -> None:
    """As decimals, 1,1 and 1,10 would be one state; and all pairs of two ranges are a grid."""
    large = [(row, column) for row in range(2) for column in range(1, 12)]
    small = [(row, column) for row in (1, 2, 3) for column in (1, 2)]
    for cells in (large, small):
        rows = [f"{row},{column};{i % 2};{i / 2}".replace(".", ",") for i, (row, column) in enumerate(cells)]
        data = read_csv(
            "\n".join(["cell;a;r", *rows]), mapping={"state": ["cell"], "action": "a", "reward": "r"}
        ).dataset
        assert data.n_states == len(cells)
        assert [data.observation_names[s] for s in data.observations] == [f"{row},{column}" for row, column in cells]
        np.testing.assert_array_equal(data.rewards, np.arange(len(cells)) / 2)
    digits = [f"{i // 10},{i % 10};{i % 2};0" for i in range(30)]
    numbers = read_csv("\n".join(["x;a;r", *digits]), mapping={"state": ["x"], "action": "a", "reward": "r"}).dataset
    np.testing.assert_array_equal(numbers.observations[:, 0], np.float32([i / 10 for i in range(30)]))


def test_commas_of_thousands() -> None:
    data = read_csv('s,a,r\n1,0,"1,234.5"\n2,1,"-12,000"\n3,1,7\n').dataset
    np.testing.assert_array_equal(data.rewards, [1234.5, -12000, 7])


def test_a_comma_between_commas_is_no_decimal_comma() -> None:
    """Cells of a grid: (0, 5) and (5, 0) are labels."""
    assert read_csv('s,a,r\n"0,5",0,1\n"5,0",1,1\n').dataset.observation_names == ("0,5", "5,0")
    # Beside words, numbers with commas are words, too.
    assert read_csv("s;a;r\n0,5;0;1\nhome;1;1\n").dataset.observation_names == ("0,5", "home")


# --- dates -----------------------------------------------------------------------------------------------------------


def by_time(times: list[str], time: str = "when", episodes: list[int] | None = None) -> list[int]:
    """The rows in the order that the file's times give them."""
    rows = [f"{0 if episodes is None else episodes[i]};{moment};{i};0;{i}" for i, moment in enumerate(times)]
    reading = read_csv(f"episode;{time};state;action;reward\n" + "\n".join(rows) + "\n")
    assert reading.mapping is not None
    assert (reading.mapping.time, reading.mapping.state) == (time, ("state",))
    return reading.dataset.rewards.astype(int).tolist()


def test_american_dates() -> None:
    reading = read_file(CASES / "us_times.csv")
    data = reading.dataset
    assert "month/day/year" in told(reading, "dates")
    assert [data.observation_names[s] for s in data.observations] == ["home", "list", "home", "list"]
    assert [data.action_names[a] for a in data.actions] == ["click", "buy", "click", "leave"]
    np.testing.assert_array_equal(data.rewards, [0, 1, 0, 0])
    np.testing.assert_array_equal(data.episode_starts, [0, 2])


def test_dates_are_told_by_the_whole_column() -> None:
    assert by_time(["02/01/2024", "01/15/2024"]) == [1, 0]  # the month comes first: there is no 15th month
    assert by_time(["02/01/2024", "15/01/2024", "01/02/2024"]) == [0, 1, 2]
    assert by_time(["02/01/2024 1:00 PM", "03/01/2024 12:00 AM", "01/04/2024 1:00 AM"]) == [2, 0, 1]
    assert by_time(["02.01.2024", "01.02.2024", "31.01.2024 08:00".replace(" 08:00", "")]) == [0, 2, 1]
    assert by_time(["02.01.24 08:00", "01.01.24 23:59", "31.12.99 23:59"]) == [2, 1, 0]
    assert by_time(["2024/02/01", "2024/01/15"]) == [1, 0]
    assert by_time(["1 Mar 2024", "29 Feb 2024 10:00".replace(" 10:00", "")]) == [1, 0]
    assert by_time(["March 1, 2024 1:00 am", "February 29, 2024 11:59 pm", "Feb 29, 2024 12:30 AM"]) == [2, 1, 0]
    assert by_time(["3. Dez 2024".replace(".", ""), "5 Okt 2024", "1 Mai 2024"]) == [2, 1, 0]
    assert by_time(["10:00 PM", "09:30 PM", "12:15 AM"], "time") == [2, 1, 0]
    zones = ["2024-03-01T10:00:00+02:00", "2024-03-01T09:00:00Z", "2024-03-01 07:30:00.5 UTC"]
    assert by_time(zones) == [2, 0, 1]


def test_dates_that_can_be_read_in_two_ways() -> None:
    """Refused only where the order of an episode's rows hangs on it; then the accepted forms are named."""
    for times in (["01/03/2024", "02/01/2024"], ["05-06-2023 10:00", "06-05-2023 09:00"]):
        with pytest.raises(
            FileError, match=r"column 'when'.* month/day/year or day/month/year.* 2024-03-31.* 31\.03\.2024"
        ):
            by_time(times)
        assert by_time(times, episodes=[0, 1]) == [0, 1]
    assert by_time(["03/04/2024 10:00", "03/04/2024 09:00"]) == [1, 0]


def test_dates_that_cannot_be_read_name_the_accepted_forms() -> None:
    for times in (
        ["31.02.2024", "01.02.2024"],
        ["13/13/2024", "01/01/2024"],
        ["yesterday", "today"],
        ["2024-01-01", "soon"],
    ):
        with pytest.raises(
            FileError, match=r"row 1, column 'timestamp'.*2024-03-31 10:00:00, 03/31/2024 10:00 AM, 31\.03"
        ):
            by_time(times, "timestamp")
    with pytest.raises(FileError, match="row 2, column 'timestamp': every row needs a time"):
        by_time(["02.01.2024", ""], "timestamp")
    with pytest.raises(FileError, match="row 2, column 'timestamp': every row needs a time"):
        by_time(["02.01.2024", "NA"], "timestamp")


def test_labels_that_look_like_dates_stay_labels() -> None:
    """Where they are states, numbers of versions and dates are what the file says."""
    text = "version,action,reward\n1.2.10,0,1\n1.10.12,1,0\n1.2.10,0,1\n"
    assert read_csv(text).dataset.observation_names == ("1.10.12", "1.2.10")
    text = "state,action,reward\n31.12.2024,0,1\n01.01.2025,1,0\n"
    mapping = {"state": ["state"], "action": "action", "reward": "reward"}
    assert read_csv(text, mapping=mapping).dataset.observation_names == ("01.01.2025", "31.12.2024")
