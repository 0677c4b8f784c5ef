#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spool/crash_id.h"

static void expect_id(const char *text, const char *day, int depth, const char *path)
{
    struct crash_id id;
    char found[NAME_PATH_LENGTH + 1];
    assert_true(crash_id_parse(&id, text));
    assert_string_equal(id.text, text);
    assert_string_equal(id.day, day);
    assert_int_equal(id.depth, depth);
    crash_id_name_path(&id, found);
    assert_string_equal(found, path);
}

static void reads_date_and_depth(void **state)
{
    (void)state;
    expect_id("22adfb61-f75b-11dc-b6be-001322081225", "20081225", 2, "22/ad");
    expect_id("22adfb61-f75b-11dc-b6be-001321081225", "20081225", 1, "22");
    expect_id("22adfb61-f75b-11dc-b6be-001323081225", "20081225", 3, "22/ad/fb");
    expect_id("22adfb61-f75b-11dc-b6be-001324081225", "20081225", 4, "22/ad/fb/61");
}

static void depth_zero_is_four(void **state)
{
    (void)state;
    expect_id("22adfb61-f75b-11dc-b6be-001320081225", "20081225", 4, "22/ad/fb/61");
}

static void depth_out_of_range_is_four(void **state)
{
    (void)state;
    expect_id("22adfb61-f75b-11dc-b6be-001325081225", "20081225", 4, "22/ad/fb/61");
    expect_id("22adfb61-f75b-11dc-b6be-00132f081225", "20081225", 4, "22/ad/fb/61");
}

static void without_date_depth_is_four(void **state)
{
    (void)state;
    expect_id("22adfb61-f75b-11dc-b6be-001322081325", "", 4, "22/ad/fb/61");
    expect_id("22adfb61-f75b-11dc-b6be-0013220812aa", "", 4, "22/ad/fb/61");
    expect_id("00000000-0000-0000-0000-000000000000", "", 4, "00/00/00/00");
}

static void knows_the_calendar(void **state)
{
    (void)state;
    assert_true(day_is_valid("20080229"));
    assert_false(day_is_valid("20090229"));
    assert_true(day_is_valid("20000229"));
    assert_false(day_is_valid("21000229"));
    assert_false(day_is_valid("20080431"));
    assert_false(day_is_valid("20080100"));
    assert_false(day_is_valid("20080001"));
    assert_false(day_is_valid("2008012"));
    assert_false(day_is_valid("200801011"));
    assert_false(day_is_valid("2008-1-1"));
    assert_false(day_is_valid(""));
}

static void accepts_upper_case_as_it_is(void **state)
{
    (void)state;
    expect_id("22ADFB61-F75B-11DC-B6BE-001322081225", "20081225", 2, "22/AD");
}

static void refuses_what_is_no_id(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "22adfb61",
        "22adfb61-f75b-11dc-b6be-00132208122",
        "22adfb61-f75b-11dc-b6be-0013220812255",
        "22adfb61-f75b-11dc-b6be-001322081225 ",
        "22adfb61-f75b-11dc-b6be-001322081225\n",
        "22adfb61-f75b-11dc-b6be-00132208122g",
        "22adfb61f-75b-11dc-b6be-001322081225",
        "22adfb61-f75b-11dc-b6be_001322081225",
        "22adfb6--f75b-11dc-b6be-001322081225",
        "../../../../../../../../../etc/passw",
        "22adfb61-f75b-11dc-b6be-001322081225.json",
        "22adfb61-f75b-11dc-b6be-0013220812\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct crash_id id;
        assert_false(crash_id_parse(&id, wrong[i]));
    }
}

static void an_id_is_spelled_as_given_then_in_small_letters_and_in_capitals(void **state)
{
    (void)state;
    struct crash_id spellings[CRASH_ID_SPELLINGS];
    assert_int_equal(crash_id_spell(spellings, "22adfB61-f75b-11dc-b6be-001322081225"), 3);
    assert_string_equal(spellings[0].text, "22adfB61-f75b-11dc-b6be-001322081225");
    assert_string_equal(spellings[1].text, "22adfb61-f75b-11dc-b6be-001322081225");
    assert_string_equal(spellings[2].text, "22ADFB61-F75B-11DC-B6BE-001322081225");
    assert_string_equal(spellings[2].day, "20081225");
    assert_int_equal(crash_id_spell(spellings, "22adfb61-f75b-11dc-b6be-001322081225"), 2);
    assert_string_equal(spellings[1].text, "22ADFB61-F75B-11DC-B6BE-001322081225");
    assert_int_equal(crash_id_spell(spellings, "22222222-2222-2222-2222-001322081225"), 1);
    assert_int_equal(crash_id_spell(spellings, "../../etc/passwd"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_date_and_depth),
        cmocka_unit_test(depth_zero_is_four),
        cmocka_unit_test(depth_out_of_range_is_four),
        cmocka_unit_test(without_date_depth_is_four),
        cmocka_unit_test(knows_the_calendar),
        cmocka_unit_test(accepts_upper_case_as_it_is),
        cmocka_unit_test(refuses_what_is_no_id),
        cmocka_unit_test(an_id_is_spelled_as_given_then_in_small_letters_and_in_capitals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
