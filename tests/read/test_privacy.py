"""What is private is masked, what is not stays, and no line is lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amiss.errors import UsageError
from amiss.read.privacy import MASKS, Masker, make_masker

PRIVATE = [
    ("Failed password for invalid user webmaster from 173.234.31.186 port 38926", "webmaster"),
    ("Accepted password for fztu from 119.137.62.142 port 49116 ssh2", "fztu"),
    ("Accepted password for fztu from 119.137.62.142 port 49116 ssh2", "119.137.62.142"),
    ("authentication failure; logname= uid=0 rhost=187.141.143.180  user=mysql", "mysql"),
    ('1.2.3.4 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5', "frank"),
    ("GET /login?user=a&access_token=abc123&x=1", "abc123"),
    ("clone https://bob:hunter2@host/x", "hunter2"),
    ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
    ('{"user":"alice","email":"al@b.com","password": "open sesame"}', "alice"),
    ('{"user":"alice","email":"al@b.com","password": "open sesame"}', "al@b.com"),
    ('{"user":"alice","email":"al@b.com","password": "open sesame"}', "sesame"),
    ("Cookie: sid=91; theme=dark", "91"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln ok", "eyJzdWIiOiIxIn0"),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("dhcp lease to 00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
    ("peer 2001:db8::8a2e:370:7334 is up", "2001:db8::8a2e:370:7334"),
    ("open /home/carol/.ssh/id", "carol"),
    ("session opened for user root by (uid=0)", "root"),
    ("Invalid user test1 from 1.2.3.4", "test1"),
    ("sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", "alice"),
    ("sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", "root"),
    ("session opened for user bob(uid=1000) by alice(uid=0)", "alice"),
    ("session opened for user bob(uid=1000) by alice(uid=0)", "bob"),
    ("user alice logged in", "alice"),
    ("User 'bob' authenticated", "bob"),
    ("user = bob", "bob"),
    ("Account Name:\t\tbob", "bob"),
    ("logon of user: CORP\\bob", "bob"),
    ("password = hunter2", "hunter2"),
    ('{"password" : "hunter2"}', "hunter2"),
    (r'{"password":"hun\"ter2 x"}', "ter2"),
    ("password='two words'", "words"),
    ('"passwords": ["abc","xyz"]', "xyz"),
    ('password=>"hunter2"', "hunter2"),
    ("pass=hunter2 auth=hunter3", "hunter2"),
    ("pass=hunter2 auth=hunter3", "hunter3"),
    ("token glpat-abcdefghij0123456789", "glpat-abcdefghij0123456789"),
    ("postgres://u:p@ss@h/db", "ss@h"),
    ("login failed, password hunter2 rejected", "hunter2"),
    ("the password is hunter2", "hunter2"),
    ("the password is opensesame", "opensesame"),
    ("Password was 'hunter2'", "hunter2"),
    ("set password to hunter2 for bob", "hunter2"),
    ("password for user bob is hunter2", "hunter2"),
    ("pwd=hunter2 next", "hunter2"),
    ("pwd hunter2", "hunter2"),
    ("using token abc123def456 for upload", "abc123def456"),
    ("secret key wJalrXUtnFEMI7K7MDENG", "wJalrXUtnFEMI7K7MDENG"),
    ("Authorization: token opaque", "opaque"),
    ("Proxy-Authorization: Digest opaque", "opaque"),
    ("mysql -u root -phunter2", "hunter2"),
    ("mysql --password hunter2 -u root", "hunter2"),
    ("curl -u alice:hunter2 https://x", "hunter2"),
    ("-----BEGIN RSA PRIVATE KEY----- MIIEpAIBAAKCAQEA7 -----END", "MIIEpAIBAAKCAQEA7"),
    (r"key -----BEGIN PRIVATE KEY-----\nMIIEpAIBAA\n-----END PRIVATE KEY-----", "MIIEpAIBAA"),
    ("MIIEpAIBAAKCAQEA7qVIYFmLzHpX0Yd9mN2rB4sT6uV8wX0yZ1aB3cD5eF7gH9iJ", "MIIEpAIBAA"),
    ("kL1mN3oP5qR7sT9uV1wX3yZ5==", "kL1mN3oP5qR"),
    ("clone ssh://carol@host/x", "carol"),
    ("password check failed for user (carol)", "carol"),
    ("password changed for carol", "carol"),
    ("su: (to carol) alice on pts/1", "carol"),
    ("su: (to carol) alice on pts/1", "alice"),
    ("new user: name=carol, UID=1001", "carol"),
]


@pytest.mark.parametrize(("line", "private"), PRIVATE)
def test_what_is_private_is_gone(line, private):
    masked = Masker(MASKS)(line)
    assert private not in masked
    assert masked != line


@pytest.mark.parametrize(
    "line",
    [
        "check pass; user unknown",
        "at 20:15:10 took 12:30:07.5, version 1.2.3",
        "20171223-22:15:29:606|Step_LSC|30002312|onExtend:1514038530000 14 0 4",
        "std::vector of a::b, 1: 2: x",
        "Received block blk_7 of size 91178 src: /dest",
        "2024-03-01 10:00:00 ERROR [12] x",
        "2024-03-01 10:00:00.123 UTC [1234] LOG:  ready",
        "prompt_tokens=512 passes: 3 passed=5 compass: north",
        "the user has no rights; a session of user space",
        "password check failed; password too short; password must not be empty",
        "password expired, password has been reset, password is invalid, password was changed",
        "the password is required; password to be set; no password given; secret santa",
        "token expired; token refresh failed; token is invalid; token bucket is empty",
        "token ring of 16 nodes; api key missing; credentials not found; unexpected token <",
        "cd /var; PWD=/var/log",
        "-----BEGIN RSA PRIVATE KEY-----",
        "key=",
    ],
)
def test_what_is_not_private_stays(line):
    assert Masker(MASKS)(line) == line


def test_one_value_has_one_pseudonym_and_only_what_was_asked_for_is_masked():
    masker = Masker(["addresses"], key=b"k")
    first, second = masker("10.0.0.1 → 10.0.0.2"), masker("10.0.0.1")
    assert first.startswith(second)
    assert len(set(first.split(" → "))) == 2
    assert masker("user=bob") == "user=bob"
    users = Masker(["users"], key=b"k")
    assert users("of user bob.").endswith(users("user=bob").removeprefix("user=") + ".")
    assert Masker(["addresses"], key=b"other")("10.0.0.1") != second
    assert masker("::ffff:a00:1 and ::FFFF:A00:1").count(masker("::ffff:a00:1")) == 2


def test_the_key_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("AMISS_MASK_KEY", "k")
    assert Masker(["addresses"])("10.0.0.1") == Masker(["addresses"], key=b"k")("10.0.0.1")


@given(
    text=st.text(max_size=80)
    | st.lists(st.sampled_from([line for line, _ in PRIVATE]), max_size=5).map("\n".join)
)
@example(text="\x1e\x1f\x1d\x1c 10.0.0.1")
@example(text="user=\n10.0.0.1:\n:")
def test_no_line_is_lost_or_invented(text):
    masked = Masker(MASKS, key=b"k")(text)
    assert masked.count("\n") == text.count("\n")
    lines = [Masker(MASKS, key=b"k")(line) for line in text.split("\n")]
    assert "\n".join(lines) == masked  # where blocks end does not matter


def test_what_to_mask_is_checked():
    with pytest.raises(UsageError, match="expected some of: secrets, emails, addresses, users"):
        Masker(["names"])
    with pytest.raises(UsageError, match="nothing"):
        Masker([])
    assert make_masker(()) is None
    assert make_masker(["all"]).what == MASKS


def test_ordinary_words_stay_where_secrets_may_stand():
    masked = Masker(["secrets"])("Failed password for root from h; password for user bob is wrong")
    assert masked == "Failed password for root from h; password for user bob is wrong"


def test_a_pseudonym_is_not_masked_again():
    assert Masker(MASKS)("clone https://bob:hunter2@host/x") == "clone https://secret@host/x"
