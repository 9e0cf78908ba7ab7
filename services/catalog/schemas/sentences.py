"""What the faults of a file say to its steward, in Korean and English: the cause, and what to do."""

from services.catalog.schemas.reports import Fault

SENTENCES: dict[Fault, tuple[str, str]] = {
    Fault.EMPTY_FILE: ("파일이 비어 있습니다.", "The file is empty."),
    Fault.NO_ROWS: ("머리글 아래에 행이 없습니다.", "There is no row below the header."),
    Fault.TOO_MANY_ROWS: ("행이 허용된 수보다 많습니다.", "There are more rows than accepted."),
    Fault.TOO_MANY_COLUMNS: ("열이 허용된 수보다 많습니다.", "There are more columns than accepted."),
    Fault.HEADER_TOO_LONG: ("머리글 줄이 너무 깁니다.", "The header line is too long."),
    Fault.HEADER_MISSING_COLUMN: (
        "표 정의에 있는 열이 파일에 없습니다.",
        "A column of the table definition is not in the file.",
    ),
    Fault.HEADER_UNKNOWN_COLUMN: (
        "표 정의에 없는 열이 파일에 있습니다.",
        "The file has a column that the table definition does not name.",
    ),
    Fault.HEADER_DUPLICATE: ("같은 이름의 열이 두 번 나옵니다.", "The same column name stands twice."),
    Fault.COLUMN_WITHOUT_NAME: (
        "이름이 없는 {position}번째 열에 값이 있습니다. 머리글에 이름을 적거나 열을 지우십시오.",
        "Column {position} has values but no name in the header. Name it, or delete the column.",
    ),
    Fault.NUL_BYTE: ("NUL 바이트가 있습니다.", "There is a NUL byte."),
    Fault.NOT_UTF8: (
        "UTF-8이 아닙니다. 'CSV UTF-8' 형식으로 다시 저장하거나, CP949이면 Content-Type에 charset=cp949를 적으십시오.",
        "This is not UTF-8. Save the file again as 'CSV UTF-8', or, if it is CP949, say charset=cp949 in Content-Type.",
    ),
    Fault.NOT_IN_CHARSET: (
        "선언된 문자 집합 {charset}(으)로 읽을 수 없는 글자가 있습니다. 실제 인코딩을 확인하십시오.",
        "There are bytes that are not in the declared charset {charset}. Check how the file was saved.",
    ),
    Fault.UTF16: (
        "UTF-16 파일입니다(Excel의 '유니코드 텍스트'). 'CSV UTF-8'로 저장하거나 Content-Type에 charset=utf-16을 적으십시오.",
        "This is UTF-16 (Excel: Unicode text). Save it as 'CSV UTF-8', or say charset=utf-16 in Content-Type.",
    ),
    Fault.EXCEL_WORKBOOK: (
        "Excel 통합 문서(.xlsx)입니다. 'CSV UTF-8'로 저장하거나 .xlsx의 미디어 유형으로 보내십시오.",
        "This is an Excel workbook (.xlsx). Save it as 'CSV UTF-8', or send it with the media type of .xlsx.",
    ),
    Fault.OLD_EXCEL_WORKBOOK: (
        "옛 Excel 통합 문서(.xls)입니다. .xlsx 또는 'CSV UTF-8'로 다시 저장하십시오.",
        "This is an old Excel workbook (.xls). Save it again as .xlsx or as 'CSV UTF-8'.",
    ),
    Fault.OTHER_SPREADSHEET: (
        "받지 않는 형식의 스프레드시트입니다(.xlsb, .ods 등). .xlsx 또는 'CSV UTF-8'로 다시 저장하십시오.",
        "This is a spreadsheet of another kind (.xlsb, .ods). Save it again as .xlsx or as 'CSV UTF-8'.",
    ),
    Fault.ENCRYPTED_WORKBOOK: (
        "암호로 보호된 Excel 통합 문서입니다. 암호를 해제하고 다시 저장하십시오.",
        "This is an Excel workbook with a password. Take the password off and save it again.",
    ),
    Fault.ZIP_ARCHIVE: (
        "압축 파일(zip)입니다. 압축을 풀고 그 안의 파일을 보내십시오.",
        "This is a zip archive. Unpack it and send the file that is in it.",
    ),
    Fault.PARQUET_FILE: (
        "Parquet 파일입니다. Content-Type을 application/vnd.apache.parquet으로 하여 보내십시오.",
        "This is a Parquet file. Send it with Content-Type application/vnd.apache.parquet.",
    ),
    Fault.PDF_FILE: ("PDF 문서입니다. 표를 CSV UTF-8로 내보내십시오.", "This is a PDF. Export the table as CSV UTF-8."),
    Fault.HTML_PAGE: (
        "HTML 페이지입니다(로그인 화면이나 오류 화면일 수 있습니다). 파일을 다시 내려받으십시오.",
        "This is an HTML page, perhaps a login or error page. Download the file again.",
    ),
    Fault.XML_FILE: ("XML 파일입니다. 표를 CSV UTF-8로 저장하십시오.", "This is XML. Save the table as CSV UTF-8."),
    Fault.JSON_FILE: ("JSON 파일입니다. 표를 CSV UTF-8로 저장하십시오.", "This is JSON. Save the table as CSV UTF-8."),
    Fault.BINARY_FILE: (
        "텍스트가 아닌 파일입니다. 표를 CSV UTF-8, .xlsx 또는 Parquet으로 저장하십시오.",
        "This is not a text file. Save the table as CSV UTF-8, .xlsx or Parquet.",
    ),
    Fault.TEXT_FILE: (
        "텍스트 파일입니다. CSV이면 Content-Type을 text/csv로 하여 보내십시오.",
        "This is a text file. If it is CSV, send it with Content-Type text/csv.",
    ),
    Fault.NOT_A_WORKBOOK: (
        "읽을 수 있는 Excel 통합 문서(.xlsx)가 아닙니다. 다시 저장하십시오.",
        "This is not an Excel workbook (.xlsx) that can be read. Save it again.",
    ),
    Fault.WORKBOOK_TOO_LARGE: (
        "통합 문서를 풀면 너무 큽니다. CSV UTF-8 또는 Parquet으로 저장하십시오.",
        "The workbook is too large once it is unpacked. Save the table as CSV UTF-8 or Parquet.",
    ),
    Fault.SEVERAL_SHEETS: (
        "값이 있는 시트가 {sheets}개입니다(숨긴 시트 포함). 시트를 하나만 남기십시오.",
        "The workbook has {sheets} sheets with values, hidden ones included. Leave one sheet.",
    ),
    Fault.KEY_LOST_DIGITS: (
        "키가 15자리를 넘는 숫자로 저장되어 끝자리를 잃었습니다. 열을 텍스트 형식으로 하여 원본에서 다시 내보내십시오.",
        "A key of more than 15 digits was kept as a number and lost its last digits. Export it again as text.",
    ),
    Fault.OTHER_DELIMITER: (
        "셀이 쉼표가 아니라 {found_ko}(으)로 구분되어 있습니다. 쉼표로 저장하거나 Content-Type에 delimiter={found}를 적으십시오.",
        "Cells are separated by {found_en}, not by {wanted_en}. Save it with commas, or say delimiter={found} in Content-Type.",
    ),
    Fault.SEP_LINE: (
        "첫 줄이 Excel의 'sep=' 줄입니다. 이 줄을 지우십시오.",
        "The first line is Excel's 'sep=' line. Delete it.",
    ),
    Fault.TITLE_LINE: (
        "머리글 위에 제목 줄이 있습니다. 머리글은 {header_line}번째 줄로 보입니다. 그 위의 줄을 지우십시오.",
        "There is a title above the header, which seems to be line {header_line}. Delete the lines above it.",
    ),
    Fault.STRAY_CARRIAGE_RETURN: (
        "줄 중간에 캐리지 리턴이 있습니다. 줄바꿈을 CRLF 또는 LF로 하여 다시 저장하십시오.",
        "There is a carriage return in the middle of a line. Save the file with CRLF or LF at the end of lines.",
    ),
    Fault.MIXED_LINE_ENDINGS: (
        "이 줄의 줄바꿈이 머리글 줄과 다릅니다.",
        "This line does not end in the same way as the header line.",
    ),
    Fault.BLANK_LINE: ("빈 줄이 있습니다. 지우십시오.", "There is a blank line. Delete it."),
    Fault.WRONG_CELL_COUNT: (
        "셀의 수가 머리글과 다릅니다. 값 안의 구분 기호는 따옴표로 묶어야 합니다.",
        "The row does not have as many cells as the header. A delimiter within a value needs quotation marks around it.",
    ),
    Fault.BAD_QUOTE: (
        "따옴표가 잘못 쓰였습니다. 값 안의 따옴표는 두 번 적고 값을 따옴표로 묶으십시오.",
        "A quotation mark stands where none may stand. Within a value write it twice, and quote the value.",
    ),
    Fault.UNCLOSED_QUOTE: ("여기서 시작한 따옴표가 닫히지 않았습니다.", "The quotation begun here is not closed."),
    Fault.CELL_TOO_LONG: ("셀이 너무 깁니다.", "A cell is longer than accepted."),
    Fault.RECORD_TOO_LONG: ("행이 너무 깁니다.", "A row is longer than accepted."),
    Fault.MISSING_VALUE: (
        "값이 있어야 하는 셀이 비어 있습니다.",
        "The cell is empty, but this column needs a value in every row.",
    ),
    Fault.NOT_AN_INTEGER: ("64비트 정수가 아닙니다.", "This is not a whole number of 64 bits."),
    Fault.NOT_A_NUMBER: ("유한한 수가 아닙니다.", "This is not a finite number."),
    Fault.NOT_A_BOOLEAN: (
        "true 또는 false(1 또는 0)가 아닙니다.",
        "This is neither true nor false (nor 1 or 0).",
    ),
    Fault.NOT_A_DATE: ("YYYY-MM-DD 형식의 날짜가 아닙니다.", "This is not a date written as YYYY-MM-DD."),
    Fault.NOT_A_DATETIME: (
        "YYYY-MM-DDTHH:MM:SS 형식의 일시가 아닙니다.",
        "This is not a date and time written as YYYY-MM-DDTHH:MM:SS.",
    ),
    Fault.NOT_PARQUET: (
        "읽을 수 있는 Parquet 파일이 아닙니다. 다시 저장하십시오.",
        "This is not a Parquet file that can be read. Write it again.",
    ),
    Fault.FOOTER_TOO_LARGE: (
        "Parquet 메타데이터가 너무 큽니다.",
        "The metadata of the Parquet file is larger than accepted.",
    ),
    Fault.ROW_GROUP_TOO_LARGE: (
        "행 그룹이 너무 큽니다. 더 작은 행 그룹으로 다시 저장하십시오.",
        "A row group is larger than accepted. Write the file again with smaller row groups.",
    ),
    Fault.COLUMN_WRONG_TYPE: (
        "열의 형식은 {found}인데 표 정의는 {wanted}입니다. {wanted} 형식으로 바꾸어 저장하십시오.",
        "The column is {found}; the table says {wanted}. Cast it to {wanted} and write the file again.",
    ),
    Fault.UNREADABLE: (
        "이 줄에서 파일을 더 읽을 수 없습니다. 다른 프로그램으로 다시 저장하십시오.",
        "The file cannot be read beyond this place. Save it again with another program.",
    ),
    Fault.NEEDS_TOO_MUCH_MEMORY: (
        "검사에 메모리가 너무 많이 필요합니다. 파일을 나누거나 Parquet으로 저장하십시오.",
        "The file needs more memory to read than accepted. Split it, or save it as Parquet.",
    ),
    Fault.CHECK_CRASHED: (
        "검사 프로그램이 거듭 중단되었습니다. 파일을 다시 저장하여 보내고, 계속되면 운영자에게 알리십시오.",
        "The check of this file broke down again and again. Save it anew and send it; if that fails, tell the operators.",
    ),
    Fault.CHECK_TOO_SLOW: (
        "검사가 정해진 시간 안에 끝나지 않았습니다. 파일을 나누거나 Parquet으로 저장하십시오.",
        "The check did not end within its time. Split the file, or save it as Parquet.",
    ),
    Fault.FILE_LOST: (
        "저장된 파일을 찾을 수 없습니다. 다시 보내십시오.",
        "The stored file cannot be found any more. Send it again.",
    ),
    Fault.FILE_DAMAGED: (
        "저장된 파일이 손상되었습니다. 다시 보내십시오.",
        "The stored file is damaged. Send it again.",
    ),
}
