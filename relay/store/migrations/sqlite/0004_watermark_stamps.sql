-- A watermark was [category, place, instant, seq]; it is [category, place, [instant, operation], seq]. Which operation
-- an older one came from is not known: the empty name loses every tie.
UPDATE inboxes SET watermarks = (
    SELECT json_group_array(json_array(
        json_extract(mark.value, '$[0]'),
        json_extract(mark.value, '$[1]'),
        json_array(json_extract(mark.value, '$[2]'), ''),
        json_extract(mark.value, '$[3]')
    ))
    FROM json_each(inboxes.watermarks) AS mark
) WHERE watermarks <> '[]';
