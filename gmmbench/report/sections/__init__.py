"""What a report says, one section a file: functions of ``Material`` that make blocks. None knows a format."""
